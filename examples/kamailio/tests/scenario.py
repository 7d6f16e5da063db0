"""sipp's scenarios, in its XML, put together from messages: a list of what a phone sends and receives."""

import html

OFFER = """
    v=0
    o=phone 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [local_ip]
    t=0 0
    m=audio 4000 RTP/AVP 0 8
    m=video 4002 RTP/AVP 31"""


def send(method, transaction, cseq=1, within=False, attributes="", body="", user="+[field0]",
         caller="861065551234"):
    """A request. `transaction` is its branch, and what responses name; `within` is for the callee's tag."""
    to_tag = "[peer_tag_param]" if within else ""
    content_type = "\n    Content-Type: application/sdp" if body else ""
    return f"""
  <send {attributes}><![CDATA[
    {method} sip:{user}@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-{transaction}
    From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]-[call_number]
    To: <sip:{user}@[remote_ip]:[remote_port]>{to_tag}
    Call-ID: [call_id]
    CSeq: {cseq} {method}
    Contact: <sip:phone@[local_ip]:[local_port]>
    Max-Forwards: 70{content_type}
    Content-Length: [len]
{body}
  ]]></send>"""


def invite(transaction="invite", **options):
    return send("INVITE", transaction, attributes=f'start_txn="{transaction}"', body=OFFER, **options)


# What a phone does when the network loses each 100: it repeats the INVITE, after 50 ms, 100 ms and so
# on, where the standard has 500 ms.
REPEATED_INVITE = send("INVITE", "invite", attributes='start_txn="invite" retrans="50"', body=OFFER) + """
  <recv response="100" response_txn="invite" optional="true" lost="100"/>"""


def receive(code, transaction="invite", log="", *, lost=0, next_label="", **patterns):
    """A response with these headers: a name, with _ for -, and a regular expression for its value, or for
    the body. `log` may use what a pattern has matched, as [$name]. `lost` per cent do not arrive."""
    actions = ""
    for name, pattern in patterns.items():
        pattern = html.escape(pattern, quote=False)
        if name == "body":
            actions += f"""
      <ereg regexp="{pattern}" search_in="body" check_it="true" assign_to="body"/>"""
        else:
            header = name.replace("_", "-")
            actions += f"""
      <ereg regexp="{header}: *({pattern})" search_in="msg" check_it="true" assign_to="{name}-line,{name}"/>"""
    if log:
        actions += f"""
      <log message="{log}"/>"""
    optional = f'optional="true" next="{next_label}"' if next_label else ""
    return f"""
  <recv response="{code}" response_txn="{transaction}" lost="{lost}" {optional}>
    <action>{actions}
    </action>
  </recv>"""


def label(name):
    return f"""
  <label id="{name}"/>"""


TRYING = """
  <recv response="100" optional="true" response_txn="invite"/>"""
MUST_TRY = """
  <recv response="100" response_txn="invite"/>"""
ACK = send("ACK", "ack", within=True, attributes='ack_txn="invite"')  # of 2xx: it has a branch of its own
CANCEL = send("CANCEL", "invite", attributes='start_txn="cancel"')


def ack_of_refusal(transaction="invite"):
    return send("ACK", transaction, within=True, attributes=f'ack_txn="{transaction}"')


def pause(milliseconds):
    return f"""
  <pause milliseconds="{milliseconds}"/>"""


OPTIONS = send("OPTIONS", "options", cseq=5, attributes='start_txn="options"') + """
  <recv response="200" response_txn="options"/>"""

# The end of a session.
HANG_UP = ACK + send("BYE", "bye", cseq=9, within=True, attributes='retrans="500" start_txn="bye"') + """
  <recv response="200" response_txn="bye"/>"""


def xml(*parts):
    names = sorted({word for part in parts for word in _assigned(part)})
    reference = f"""
  <Reference variables="{",".join(names)}"/>""" if names else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="phone">{"".join(parts)}{reference}
</scenario>
"""


def _assigned(part):
    for piece in part.split('assign_to="')[1:]:
        yield from piece.partition('"')[0].split(",")
