"""Mistakes, for mypy to find; it is never run. Without the package's types, none of them would be one."""

import itnio

client = itnio.Client(api_key="key")  # error: there is no secret
client = itnio.Client(api_key="key", api_secret="secret", timeout=20)  # error: no such argument
client.send_sip(callee=4915112345678, account="1001", app_id="my-app")  # error: a number
number: int = client.send_sip(callee="4915112345678", account="1001", app_id="my-app")  # error: a string
duration: int = client.get_record("1").call_duration_s  # error: it may be None
client.call("4915112345678")  # error: there is no such method
