"""[pure] Does the public address lead to the receiver of this data folder?

`doctor` asks it with a HEAD on the callback route, which stores nothing, and a header of our own:

    X-Receiver-Probe: NONCE SIGNATURE    over URL and query as Plivo would sign them
    X-Receiver-Probe: PROOF              the answer, keyed with the id of the journal that is open
    X-Receiver-Probe: refused            a receiver, but its token or its PUBLIC_URL is another one

What is signed begins with words that no callback begins with, and stands under another name than
Plivo's headers: a probe that is turned into a GET or a POST on the way is no signed callback.
Nobody without a token gets a proof; it shows nothing but that both know the journal.
"""

import hmac
from collections.abc import Iterable, Sequence

from receiver.setting_values import Token
from receiver.signature import SignedRequest, sign, signed_message

HEADER = "X-Receiver-Probe"
REFUSED = "refused"
_WORDS = b"receiver probe "


def question(request: SignedRequest, nonce: str, token: Token) -> str:
    """The header's value; `request` is as it leaves, under PUBLIC_URL."""
    return f"{nonce} {_signature(request, nonce, token)}"


def answer(
    asked: str, request: SignedRequest, tokens: Sequence[Token], *, receiver_id: str
) -> str:  # fmt: skip
    """The header's value; `request` is as it arrived, under our PUBLIC_URL."""
    nonce, _, given = asked.partition(" ")
    right = [_signature(request, nonce, token) for token in tokens]
    # a list, not a generator: which of them matched takes no part in the time
    matches = [hmac.compare_digest(one.encode(), given.encode()) for one in right]
    return _proof(receiver_id, nonce) if any(matches) else REFUSED


def is_of(answered: str, nonce: str, receiver_ids: Iterable[str]) -> bool:
    """Whether one of these receivers answered."""
    proofs = [_proof(receiver_id, nonce) for receiver_id in receiver_ids]
    return any([hmac.compare_digest(proof.encode(), answered.encode()) for proof in proofs])  # noqa: C419


def _signature(request: SignedRequest, nonce: str, token: Token) -> str:
    return sign(_WORDS + signed_message(request, nonce.encode(), version=3), token.secret).decode()


def _proof(receiver_id: str, nonce: str) -> str:
    return sign(_WORDS + nonce.encode(), receiver_id).decode()
