"""Webhooks against a real receiver: signed, retried, surviving restarts, told nobody else."""

import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from dsp.errors import Refusal
from loa.service import audit
from loa.service.outgoing import Visitor
from loa.service.room import open_room
from loa.service.settings import Settings
from loa.service.submission import Submission
from loa.service.tables import WEBHOOKS
from loa.service.tokens import new_webhook_secret
from loa.service.webhooks import Deliveries, Notifier, signature
from tests.service.inside import MADE
from tests.service.live import wait_for
from tests.service.peer import Peer, loopback, says

SECRET, OTHER_SECRET = new_webhook_secret(), new_webhook_secret()


@pytest.fixture
def peer():
    running = Peer()
    running.answers["/done"] = says(204)
    yield running
    running.stop()


@pytest.fixture
def room(tmp_path, peer, cheap_hashes):
    settings = Settings(data=str(tmp_path), outgoing=peer.rules(retry_s=(0.0, 0.0)))
    opened = open_room(settings)
    yield opened
    opened.close()


def ended_job(room, url, key="k", *, secret=SECRET):
    token = room.tokens.create("platform", ("submit",), webhook_secret=secret)
    caller = room.tokens.caller(token)
    row, _ = room.jobs.submit(
        caller,
        Submission(key, hashlib.sha256(key.encode()).hexdigest(), 1, "", ("ip",), webhook=url),
    )
    room.jobs.begin(row["id"], 1)
    assert room.jobs.publish(row["id"], 1, MADE)
    return row["id"], caller.token_id


def notifier_of(room):
    return Notifier(room, Visitor(room.settings.outgoing, loopback))


def look_until(room, condition):
    """Let a notifier look until `condition`; its thread is not started, so each look is ours."""
    notifier = notifier_of(room)
    notifier._thread.start = lambda: None

    def looked():
        notifier.look()
        return condition()

    wait_for(looked)
    notifier._senders.shutdown()


def waiting(room):
    with room.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(WEBHOOKS)).mappings()]


def test_the_signature_is_that_of_any_other_hmac():
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test
    told = "v1=" + hmac.new(b"whsec_test", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert signature("whsec_test", "1700000000", b"{}") == told
    assert told == "v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91"


def test_the_end_of_a_job_is_told_signed(room, peer):
    job_id, _ = ended_job(room, peer.url("/done"))
    look_until(room, lambda: room.jobs.get(job_id)["told_at"])
    ((_, headers, body),) = peer.heard
    said = json.loads(body)
    assert (said["schema"], said["event"]) == ("loa.webhook/1", "job.done")
    assert said["job"]["id"] == job_id
    assert said["job"]["renditions"] == MADE
    assert headers["Loa-Signature"] == signature(SECRET, headers["Loa-Timestamp"], body)
    assert headers["Loa-Signature"] != signature(SECRET, headers["Loa-Timestamp"], body + b" ")
    assert headers["Loa-Delivery"] == f"{job_id}.1"
    assert headers["Loa-Event"] == "job.done"
    assert [row["due_at"] for row in waiting(room)] == [None]


def test_failures_and_cancellations_are_told_too(room, peer):
    job_id, _ = ended_job(room, peer.url("/done"))
    row, _ = room.jobs.submit(
        room.tokens.caller(room.tokens.create("platform", ("submit",), webhook_secret=SECRET)),
        Submission("other", "c" * 64, 1, "", ("ip",), webhook=peer.url("/done")),
    )
    room.jobs.cancel("x", row["id"])
    look_until(room, lambda: len(peer.heard) == 2)
    events = {headers["Loa-Delivery"]: headers["Loa-Event"] for _, headers, _ in peer.heard}
    assert events == {f"{job_id}.1": "job.done", f"{row['id']}.1": "job.cancelled"}


def test_what_is_not_heard_is_told_again_and_by_the_next_process_too(room, peer):
    answers = [says(200), says(500), says(500)]

    def answer(handler):
        answers.pop()(handler)

    peer.answers["/done"] = answer
    job_id, _ = ended_job(room, peer.url("/done"))
    look_until(room, lambda: waiting(room) and waiting(room)[0]["answer"] == "500")
    again = open_room(room.settings)  # as after a restart
    look_until(again, lambda: again.jobs.get(job_id)["told_at"])
    again.close()
    deliveries = {headers["Loa-Delivery"] for _, headers, _ in peer.heard}
    assert (len(peer.heard), deliveries) == (3, {f"{job_id}.1"})


def test_a_claim_of_a_process_that_died_runs_out(room, peer):
    ended_job(room, peer.url("/done"))
    deliveries = Deliveries(room)
    deliveries.collect()
    assert len(deliveries.claim(8)) == 1  # and its process is killed here
    assert deliveries.claim(8) == []
    with room.database.write() as connection:
        connection.execute(WEBHOOKS.update().values(due_at=WEBHOOKS.c.due_at - 1000))
    assert [job["tries"] for job in deliveries.claim(8)] == [2]


def test_two_hosts_never_claim_the_same(room, peer):
    for number in range(6):
        ended_job(room, peer.url("/done"), f"k{number}")
    rooms = [open_room(room.settings) for _ in range(4)]
    Deliveries(room).collect()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: Deliveries(one).claim(6), rooms))
    for one in rooms:
        one.close()
    ids = [job["id"] for claimed in found for job in claimed]
    assert len(ids) == len(set(ids)) == 6


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (302, 3), (410, 1)])
def test_it_is_given_up_at_last_and_that_is_written_down(room, peer, status, tries):
    peer.answers["/done"] = says(status, Location="/elsewhere")
    job_id, _ = ended_job(room, peer.url("/done"))
    look_until(
        room, lambda: (rows := waiting(room)) and rows[0]["answer"] and rows[0]["due_at"] is None
    )
    assert [path for path, _, _ in peer.heard] == ["/done"] * tries
    assert room.jobs.get(job_id)["told_at"] is None
    assert audit.check(room.database).broken_at is None


def test_pauses_grow_as_the_settings_say(room, peer):
    job_id, _ = ended_job(room, peer.url("/done"))
    deliveries = Deliveries(room)
    deliveries._retry_s = (100.0, 1000.0)
    deliveries.collect()
    for pause_s in (100.0, 1000.0):
        (job,) = deliveries.claim(1)
        deliveries.not_heard(job, "500")
        with room.database.write() as connection:
            now_s = room.database.now_s(connection)
            (due_s,) = connection.execute(sa.select(WEBHOOKS.c.due_at)).scalars()
            assert due_s - now_s == pytest.approx(pause_s, abs=60.0)
            connection.execute(WEBHOOKS.update().values(due_at=0.0))
    (job,) = deliveries.claim(1)
    deliveries.not_heard(job, "500")
    assert waiting(room)[0]["due_at"] is None
    assert job["id"] == job_id


def test_a_revoked_token_tells_nothing_any_more(room, peer):
    _, token_id = ended_job(room, peer.url("/done"))
    room.tokens.revoke(token_id)
    look_until(room, lambda: (rows := waiting(room)) and rows[0]["tries"] == 3)
    assert peer.heard == []


def test_the_rules_hold_at_the_time_of_telling(room, peer):
    ended_job(room, "http://169.254.169.254/")
    look_until(room, lambda: (rows := waiting(room)) and rows[0]["answer"])
    assert "url.forbidden" in waiting(room)[0]["answer"]


def test_a_retried_job_is_told_as_it_ends_then(room, peer):
    job_id, _ = ended_job(room, peer.url("/done"), "first")
    deliveries = Deliveries(room)
    deliveries.collect()
    with room.database.write() as connection:  # it failed, and was retried before it was told
        connection.execute(sa.text("UPDATE jobs SET state = 'failed'"))
    room.jobs.retry("x", job_id)
    assert deliveries.claim(8) == []
    room.jobs.begin(job_id, 2)
    room.jobs.publish(job_id, 2, MADE)
    look_until(room, lambda: room.jobs.get(job_id)["told_at"])
    assert [headers["Loa-Delivery"] for _, headers, _ in peer.heard] == [f"{job_id}.2"]


def test_the_thread_tells_by_itself_and_ends(room, peer):
    job_id, _ = ended_job(room, peer.url("/done"))
    notifier = notifier_of(room)
    notifier.start()
    wait_for(lambda: room.jobs.get(job_id)["told_at"])
    notifier.stop()
    assert len(peer.heard) == 1


def test_secrets_are_never_listed_and_rotate(room):
    token = room.tokens.create("platform", ("submit",), webhook_secret=SECRET)
    token_id = token.split("_")[1]
    assert all("webhook_secret" not in row for row in room.tokens.listed())
    kept = room.tokens.rotate(token_id).split("_")[1]
    assert room.tokens.webhook_secret(kept) == SECRET
    fresh = room.tokens.rotate(token_id, webhook_secret=OTHER_SECRET).split("_")[1]
    assert room.tokens.webhook_secret(fresh) == OTHER_SECRET
    assert room.tokens.caller(room.tokens.create("x", ("submit",))).has_webhook_secret is False
    with pytest.raises(Refusal):
        room.tokens.revoke("nobody")
