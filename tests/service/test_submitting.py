"""Ways to hand in besides the raw PUT: forms, envelopes, URLs, digests, batches; who may what."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from loa.service.settings import BulletinSettings, Limits, Settings
from loa.service.tokens import new_webhook_secret
from tests.service.inside import MADE, inside
from tests.service.peer import Peer, says
from tests.transmit.bulletin.made import KEY, SECOND, STRANGER, bulletin
from transmit.bulletin.content import Audio
from transmit.bulletin.signing import sign

SOUND = b"RIFF" + bytes(range(256)) * 40
KEYRING = f"""
[[key]]
public = "{KEY.public_text}"
issuer = "province.vinh-long"
holder = "desk-1"
tiers = ["province"]
communes = ["tri-ton", "cang-long"]
zones = ["cang-long.4"]
priorities = ["normal", "priority", "emergency"]
[[key]]
public = "{SECOND.public_text}"
issuer = "province.vinh-long"
holder = "desk-2"
tiers = ["province"]
communes = ["*"]
zones = ["*"]
priorities = ["normal", "priority", "emergency"]
"""


@pytest.fixture(scope="module")
def peer():
    running = Peer()
    running.answers["/a.wav"] = says(200, SOUND)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory, peer, cheap_hashes):
    folder = tmp_path_factory.mktemp("inside")
    (folder / "KEYRING.toml").write_text(KEYRING)
    settings = Settings(
        data=str(folder / "data"),
        limits=Limits(upload_bytes=50_000),
        outgoing=peer.rules(hosts=("localhost",), networks=("127.0.0.0/8", "::1/128")),
        bulletin=BulletinSettings(str(folder / "KEYRING.toml"), holders_emergency=2),
    )
    with inside(settings) as running:
        yield running


@pytest.fixture
def client(service):
    with service.client() as talking:
        yield talking


def form(client, envelope=None, sound=SOUND, **fields):
    fields = {"key": "k-form"} | fields
    if envelope is not None:
        fields["envelope"] = json.dumps(envelope.as_dict())
    return client.post("/v1/uploads", data=fields, files={"audio": ("a.wav", sound)})


def signed(*keys, **changes):
    now = datetime.now(UTC)
    said = {
        "audio": (Audio(hashlib.sha256(SOUND).hexdigest(), len(SOUND), "vi"),),
        "not_before": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expires": (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    envelope = bulletin(**(said | changes))
    for key in keys or (KEY, SECOND):
        envelope = sign(envelope, key)
    return envelope


def refused(answer, status, kind):
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["kind"]) == (status, kind), answer.text


def test_a_form_is_the_same_job_as_a_raw_body(client):
    first = form(client, key="same", targets="web,ip", zone="tri-ton")
    assert first.status_code == 202, first.text
    again = client.put("/v1/jobs/same?targets=ip,web&zone=tri-ton", content=SOUND)
    assert again.json() == first.json()
    job = client.get(f"/v1/jobs/{first.json()['id']}").json()
    assert (job["targets"], job["zone"], job["priority"]) == (["ip", "web"], "tri-ton", "normal")


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_form_comes_in_pieces_of_any_size(client, size):
    request = client.build_request(
        "POST", "/v1/uploads", data={"key": "pieces"}, files={"audio": ("a", SOUND)}
    )
    body = request.read()
    kind = request.headers["content-type"]
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    if size == 1:
        pieces = iter([*(body[k : k + 1] for k in range(300)), body[300:]])
    answer = client.post("/v1/uploads", content=pieces, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["sha256"]) == (202, hashlib.sha256(SOUND).hexdigest())


def test_forms_that_are_none_are_refused(client):
    kind = {"content-type": "multipart/form-data; boundary=x"}
    bodies = {
        "half": b'--x\r\nContent-Disposition: form-data; name="audio"\r\n\r\nabc',
        "nothing": b"",
        "noise": bytes(range(256)) * 9,
        "nameless": b"--x\r\nContent-Type: a/b\r\n\r\nabc\r\n--x--\r\n",
        "crowd": b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' * 30 + b"--x--",
        "headers": b"--x\r\n" + b"A: b\r\n" * 500 + b"\r\n",
        "huge": b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + b"a" * 40_000,
    }
    for name, body in bodies.items():
        answer = client.post("/v1/uploads", content=body, headers=kind)
        assert answer.status_code == 422, (name, answer.text)
    for wrong in (
        "application/json",
        "multipart/form-data",
        f"multipart/form-data; boundary={'x' * 99}",
    ):
        answer = client.post("/v1/uploads", content=b"--x", headers={"content-type": wrong})
        refused(answer, 422, "request.invalid")
    refused(form(client, sound=b""), 422, "request.invalid")
    refused(form(client, targets="am"), 422, "request.invalid")
    refused(form(client, more="x"), 422, "request.invalid")
    refused(client.post("/v1/uploads", files={"other": b"x"}), 422, "request.invalid")
    refused(form(client, sound=bytes(60_000)), 413, "request.too_large")


def test_an_envelope_says_priority_and_areas(client):
    answer = form(client, signed(), key="flood")
    assert answer.status_code == 202, answer.text
    job = client.get(f"/v1/jobs/{answer.json()['id']}").json()
    assert (job["priority"], job["zone"]) == ("emergency", None)
    assert job["bulletin"]["title"] == "Cảnh báo lũ"


def test_an_envelope_without_its_recording_or_signatures_is_refused(client):
    other = Audio("0" * 64, len(SOUND), "vi")
    wrong = {
        "bulletin.digest": signed(audio=(other,)),
        "bulletin.approval": signed(KEY),
        "bulletin.unknown_signer": signed(STRANGER),
        "bulletin.forbidden": signed(communes=("can-tho",)),
        "bulletin.expired": signed(
            not_before="2026-01-01T00:00:00Z", expires="2026-01-02T00:00:00Z"
        ),
        "bulletin.unsigned": type(signed())(signed().bulletin, ()),
    }
    for kind, envelope in wrong.items():
        refused(form(client, envelope, key=kind), 403, kind)
    altered = signed().as_dict() | {"title": "Không có lũ"}
    answer = client.post(
        "/v1/uploads",
        data={"key": "altered", "envelope": json.dumps(altered)},
        files={"audio": SOUND},
    )
    refused(answer, 403, "bulletin.signature")
    refused(form(client, signed(), key="p", priority="normal"), 403, "request.forbidden")
    refused(form(client, signed(), key="z", zone="can-tho"), 403, "request.forbidden")
    assert client.get("/v1/jobs?limit=500").json()["jobs"] == [
        job
        for job in client.get("/v1/jobs?limit=500").json()["jobs"]
        if not job["key"].startswith("bulletin.")
    ]


def test_the_same_key_with_another_envelope_is_a_conflict(client):
    envelope = signed()
    assert form(client, envelope, key="twice").status_code == 202
    assert form(client, envelope, key="twice").status_code == 202
    refused(form(client, signed(counter=8), key="twice"), 409, "job.conflict")
    refused(form(client, key="twice"), 409, "job.conflict")


def test_a_bulletin_for_two_communes_is_nobody_elses(service):
    with service.client() as all_zones:
        job_id = form(all_zones, signed(), key="areas").json()["id"]
    areas = ("tri-ton", "cang-long", "cang-long.4")
    for zones, status in ((areas, 200), (areas[:2], 404), (("elsewhere",), 404), ((), 200)):
        with service.client(zones=zones) as client:
            assert client.get(f"/v1/jobs/{job_id}").status_code == status, zones
            listed = [job["id"] for job in client.get("/v1/jobs?limit=500").json()["jobs"]]
            assert (job_id in listed) == (status == 200)
            answer = form(client, signed(), key=f"areas-{len(zones)}")
            assert answer.status_code == (202 if status == 200 else 403)
            assert client.post(f"/v1/jobs/{job_id}/cancel").status_code in {status, 404, 409}
    with service.client(zones=("tri-ton",)) as client:
        refused(form(client, key="nowhere"), 403, "request.forbidden")


def test_a_bulletin_by_url_is_fetched_before_it_is_accepted(client, peer):
    url = f"http://localhost:{peer.port}/a.wav"
    answer = client.post("/v1/jobs", json={"key": "by-url", "url": url})
    assert (answer.status_code, answer.json()["sha256"]) == (202, hashlib.sha256(SOUND).hexdigest())
    peer.answers["/late"] = says(404)
    order = {"key": "late", "url": url.replace("a.wav", "late")}
    refused(client.post("/v1/jobs", json=order), 502, "url.answer")
    for bad in ("http://127.0.0.1/", f"http://evil.example:{peer.port}/", "https://localhost/"):
        answer = client.post("/v1/jobs", json={"key": "bad", "url": bad})
        refused(answer, 403, "url.forbidden")


def test_bytes_that_are_here_are_named_by_their_digest_by_their_owner_only(service, client):
    sound = SOUND + b"digest"
    digest = hashlib.sha256(sound).hexdigest()
    order = {"key": "again", "sha256": digest, "targets": "web"}
    refused(client.post("/v1/jobs", json=order), 404, "blob.unknown")
    assert client.put("/v1/jobs/first", content=sound).status_code == 202
    answer = client.post("/v1/jobs", json=order)
    assert (answer.status_code, answer.json()["sha256"]) == (202, digest)
    assert client.post("/v1/jobs", json=order).json() == answer.json()
    with service.client(owner="other") as stranger:
        refused(stranger.post("/v1/jobs", json=order), 404, "blob.unknown")
    with service.client(zones=("tri-ton",)) as narrow:
        zoned = order | {"key": "narrow", "zone": "tri-ton"}
        refused(narrow.post("/v1/jobs", json=zoned), 404, "blob.unknown")


def test_what_one_tenant_made_serves_another_without_showing_it(service):
    sound = SOUND + b"tenant"
    with service.client(owner="a") as first, service.client(owner="b") as second:
        job_id = first.put("/v1/jobs/t", content=sound).json()["id"]
        service.end(job_id)
        answer = second.put("/v1/jobs/t", content=sound).json()
        assert answer["state"] == "done"  # the bytes were theirs too: no second run
        assert second.get(f"/v1/jobs/{answer['id']}").json()["renditions"] == MADE
        assert second.get(f"/v1/jobs/{job_id}").status_code == 404
        assert second.delete(f"/v1/jobs/{job_id}").status_code == 404
        assert first.delete(f"/v1/jobs/{job_id}").status_code == 204
        assert second.get(f"/v1/jobs/{answer['id']}").json()["state"] == "done"


def test_each_order_of_a_batch_is_accepted_or_refused_by_itself(client, peer):
    url = f"http://localhost:{peer.port}/a.wav"
    orders = [
        {"key": "batch-1", "url": url},
        {"key": "batch-2", "url": "http://evil.example/"},
        {"key": "batch-3", "sha256": "0" * 64},
        {"key": "batch-1", "url": url, "targets": "fm"},
    ]
    answer = client.post("/v1/batches", json={"jobs": orders})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["key"] for one in results] == [order["key"] for order in orders]
    kinds = [one["problem"] and one["problem"]["kind"] for one in results]
    assert kinds[1:3] == ["url.forbidden", "blob.unknown"]
    assert sorted(filter(None, (kinds[0], kinds[3]))) == ["job.conflict"]
    assert results[1]["problem"]["try"]
    many = {"jobs": orders[:1] * 51}
    refused(client.post("/v1/batches", json=many), 422, "request.invalid")


def test_a_webhook_needs_a_secret_and_a_host_of_the_list(service, client, peer):
    hook = f"http://localhost:{peer.port}/hook"
    refused(
        client.put("/v1/jobs/hook", params={"webhook": hook}, content=SOUND),
        403,
        "webhook.no_secret",
    )
    with service.client(webhook_secret=new_webhook_secret()) as signing:
        for bad in ("http://169.254.169.254/", "http://evil.example/"):
            answer = signing.put("/v1/jobs/hook", params={"webhook": bad}, content=SOUND)
            refused(answer, 403, "url.forbidden")
        answer = signing.put("/v1/jobs/hook", params={"webhook": hook}, content=SOUND)
        assert answer.status_code == 202
        assert service.room.jobs.get(answer.json()["id"])["webhook"] == hook
