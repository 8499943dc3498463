"""The transcoding service: bulletins in by HTTP, finished renditions with proof out, none lost.

`store` and `blobs` hold what was acknowledged, `api` talks to callers, `work` carries the jobs
through their steps in worker processes of their own. One machine by default; several by two URLs
(docs/reference/service.md, docs/decisions/0005-*.md).
"""
