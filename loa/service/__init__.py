"""The transcoding service: bulletins in by HTTP, finished renditions with proof out, none lost.

`tables`, `database`, `blobs`, `jobs`, `tokens`, `audit` hold what was acknowledged; `api`,
`routes`, `access`, `receiving` talk to callers; `work`, `render`, `housekeeping` carry jobs
through their steps in processes of their own. One machine by default, several by two URLs
(docs/reference/service.md, docs/decisions/0006-a-row-is-the-truth-a-worker-is-a-process.md).
"""
