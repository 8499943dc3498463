"""Ten thousand ways to be let in that must not be: what the door is told, and what comes of it."""

from __future__ import annotations

import dataclasses
import random

from loa.device.news import Refused
from tests.loa.device.made import NOW, SENDER, announced, door, signed, stamp
from tests.transmit.bulletin.made import KEY, STRANGER
from transmit.bulletin.challenge import Challenger, answer
from transmit.bulletin.datagrams import datagrams_of
from transmit.bulletin.envelope import Envelope
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.session import SignedSession


def told(one, message, now_utc=NOW, monotonic_s=0.0):
    """What a message in its datagrams gives rise to."""
    news = []
    for data in datagrams_of(message):
        news += one.datagram(data, SENDER, now_utc, monotonic_s)
    return news


class Attacker:
    """Has recorded everything that was ever sent, knows the format, and has a key nobody trusts."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.heard = [signed(id=f"b{n}", counter=n) for n in range(1, 7)]
        self.heard.append(signed(id="c", counter=7, cancels="b9", audio=()))
        self.sessions = [announced(counter=n, id=f"s{n}") for n in (3, 4)]
        self.rows = [one.to_bytes() for one in (*self.heard, *self.sessions)]
        self.signed_wrong = [
            signed(id="w1", counter=100, expires=stamp(0)),
            signed(id="w2", counter=101, communes=("cang-long",)),
            signed(id="w3", counter=102, communes=(), zones=("tri-ton.3",)),
            signed(id="w4", counter=103, issuer="province.other"),
            signed(id="w5", counter=104, tier="central"),
            signed(id="w6", counter=105, test=True),
            signed(id="w7", counter=106, priority="normal"),
            signed(key=STRANGER, id="w8", counter=107),
            announced(counter=100, communes=("cang-long",)),
            announced(counter=101, expires=stamp(0)),
            announced(counter=102, key=STRANGER),
            announced(counter=103, device=DeviceKey.generate()),
        ]

    def replayed(self):
        return self.draw.choice(self.rows)

    def forged(self):
        envelope = self.draw.choice(self.heard)
        content = dataclasses.replace(
            envelope.bulletin, counter=self.draw.randint(200, 10**6), id="forged"
        )
        return Envelope(content, envelope.signatures).to_bytes()

    def altered(self):
        envelope = self.draw.choice(self.heard)
        change = self.draw.choice(
            [
                {"title": "Tất cả ra khỏi nhà", "counter": 300},
                {"zones": ("tri-ton.2",), "counter": 301},
                {"expires": stamp(7200), "counter": 302},
                {"not_before": stamp(-30), "counter": 303},
                {"cancels": "b1", "counter": 304},
            ]
        )
        return Envelope(
            dataclasses.replace(envelope.bulletin, **change), envelope.signatures
        ).to_bytes()

    def session(self):
        """A session of which one thing is another: the description, the wrap, what was signed."""
        one = self.draw.choice(self.sessions)
        session = one.session.session
        which = self.draw.randrange(4)
        if which == 0:
            return dataclasses.replace(one, sdp=b"v=0\r\ns=mine\r\n").to_bytes()
        if which == 1:
            wrap = bytearray(one.wraps["horn-1"])
            wrap[self.draw.randrange(len(wrap))] ^= 1 << self.draw.randrange(8)
            return dataclasses.replace(one, wraps={"horn-1": bytes(wrap)}).to_bytes()
        changes = {"counter": self.draw.randint(200, 10**6)} if which == 2 else {"id": "mine"}
        other = SignedSession(dataclasses.replace(session, **changes), one.session.signatures)
        return dataclasses.replace(one, session=other).to_bytes()

    def wrong(self):
        return self.draw.choice(self.signed_wrong).to_bytes()

    def answer(self):
        challenge = self.challenge(self.draw.choice(self.heard))
        return answer(challenge, self.draw.choice([KEY, STRANGER]), stamp(0)).to_bytes()

    @staticmethod
    def challenge(envelope):
        return Challenger("horn-1").ask(envelope, 0.0)

    def broken(self):
        row = bytearray(self.draw.choice(self.rows))
        for _ in range(self.draw.randint(1, 4)):
            row[self.draw.randrange(len(row))] = self.draw.randrange(256)
        return bytes(row)

    def datagrams(self):
        kinds = (
            self.replayed, self.forged, self.altered, self.session, self.wrong, self.answer,
            self.broken,
        )  # fmt: skip
        pieces = datagrams_of(self.draw.choice(kinds)())
        if self.draw.random() < 0.1:  # bent on the way, or cut
            at = self.draw.randrange(len(pieces))
            bent = bytearray(pieces[at])
            bent[self.draw.randrange(len(bent))] ^= 1 << self.draw.randrange(8)
            pieces[at] = bytes(bent)[: self.draw.randint(1, len(bent))]
        return pieces


def attack(folder, count, seed, now_utc):
    """Let an attacker try; return what was let in, and what became of the rest."""
    attacker, one = Attacker(seed), door(folder)
    for row in attacker.rows:
        told(one, row)
    let_in, counts = [], {}
    for number in range(count):
        if number % (count // 4) == 1:
            for name, found in one.counts.items():
                counts[name] = counts.get(name, 0) + found
            one = door(folder)  # a restart in between
        for data in attacker.datagrams():
            let_in += [
                news
                for news in one.datagram(data, SENDER, now_utc, 0.01 * number)
                if not isinstance(news, Refused)
            ]
    for name, found in one.counts.items():
        counts[name] = counts.get(name, 0) + found
    return let_in, counts
