"""A program with types, for mypy: what it takes from the installed package has the types that it relies on."""

import time
from typing import List, Optional

import itnio


def place(client: itnio.Client, callee: str) -> Optional[str]:
    since = time.time()
    try:
        return client.send_sip(callee=callee, account="1001", app_id="my-app", timeout_ms=20_000)
    except itnio.Refused as refused:
        status: int = refused.status
        print(status)
    except itnio.Failure as failure:
        may_have_dialed: bool = failure.may_have_dialed
        if may_have_dialed and failure.result == itnio.TIMED_OUT:
            return client.find_call(since=since, patience_ms=10_000, callee=callee, account="1001", app_id="my-app")
    return None


def answered(client: itnio.Client, since: float) -> List[str]:
    try:
        return [record.recording_id for record in client.find_records(since=since) if record.answered_at is not None]
    except itnio.RecordsError as error:
        print(error.status or error.result)
        return []


def ring_time(record: itnio.Record) -> int:
    if record.ringing_at is None or record.answered_at is None:
        return 0
    return record.answered_at - record.ringing_at
