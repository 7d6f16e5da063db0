"""Kamailio's routing script: an INVITE places a phone call, and the SIP answer gives its result.

    200 Call Placed                 X-Recording-ID has the recording ID; also where it is known by the API's records only
    403 Call Refused                the API said no; X-Itnio-Status says which no
    400 Bad Request                 the INVITE cannot be made a call of
    503 Call Not Sent               nothing was sent: another gateway may try, or this one again later
    603 Call May Have Been Placed   the phone may ring, and the API's records do not say so yet. Nobody must try
                                    again: 6xx is the class of answers on which proxies try no other gateway,
                                    as they do on 503 or 408

The callee is the user of the request URI, and the number shown is the user of From, if that is a number.
X-Itnio-Result has the library's number for 400, 503 and 603, and Warning the reason in words. For 603,
X-Itnio-Records has the number of what the records said (15: no record yet), and Warning begins with it.

From the environment:

    ITNIO_API_KEY, ITNIO_API_SECRET, ITNIO_ACCOUNT, ITNIO_APP_ID    required
    ITNIO_BASE_URL, ITNIO_CA_FILE                                   see itnio.h
    ITNIO_TIMEOUT_MS    the most that a call may take; 30000
    ITNIO_PATIENCE_MS   how long the API's records are asked for a call in doubt; 10000. 0: once
                        Whoever sends the INVITE has to wait longer than these two, LOOK_TIMEOUT_MS and
                        MAX_WAIT together, or it gives up on a call that is being placed.
    ITNIO_PEERS         the addresses that may place calls, with spaces between them; 127.0.0.1

How an INVITE becomes one call, and not two:

    - SIP workers take it, make a transaction of it, hand it to an async worker, and are free again. The
      transaction absorbs retransmissions; it is suspended, and not locked, while the call is in progress.
    - The same INVITE by another way, forked by a proxy, is another transaction, but has the same Call-ID,
      From tag and CSeq. The first to arrive wins.
    - A CANCEL and the async worker compete for the same INVITE. Where the CANCEL wins, the INVITE is
      answered with 487, and not sent. Where it comes too late, a call cannot be taken back, and the
      INVITE gets the answer that says so.

Whose is a record? Each process has a client of its own, which knows its own calls only. So the recording ID of
each call is noted for all of them, and a record is taken for the call in doubt only where no other process has
it, and no other call to this number is in progress or in doubt.
"""

import json
import os
import re
import time

import KSR

import itnio

# How long an INVITE may wait for an async worker, in seconds.
MAX_WAIT = 5

# The most that one look at the records may take: how much longer than ITNIO_PATIENCE_MS the last one may be.
LOOK_TIMEOUT_MS = 5000

ASYNC = getattr(KSR, "async")  # a keyword in Python


def mod_init():
    """Called by app_python3 before the workers are forked."""
    return Dialer()


def new_client():
    environment = os.environ
    return itnio.Client(api_key=environment["ITNIO_API_KEY"], api_secret=environment["ITNIO_API_SECRET"],
                        base_url=environment.get("ITNIO_BASE_URL"), ca_file=environment.get("ITNIO_CA_FILE"),
                        timeout_ms=timeout_ms())


def timeout_ms():
    return int(os.environ.get("ITNIO_TIMEOUT_MS", "30000"))


def patience_ms():
    return int(os.environ.get("ITNIO_PATIENCE_MS", "10000"))


class Dialer:
    def __init__(self):
        self.account = os.environ["ITNIO_ACCOUNT"]
        self.app_id = os.environ["ITNIO_APP_ID"]
        self.peers = os.environ.get("ITNIO_PEERS", "127.0.0.1").split()
        self.client = None
        self.answer = None

    def child_init(self, _rank):
        """Called in each process; a mistake in the configuration keeps Kamailio from starting. A client
        could be made before the fork as well: it has connections of its own in each process either way."""
        self.client = new_client()
        return 0

    # --- SIP workers: nothing here waits --------------------------------------------------------------

    def ksr_request_route(self, _message):
        method = KSR.pv.get("$rm")
        if KSR.pv.get("$si") not in self.peers:
            KSR.sl.send_reply(403, "Forbidden")
        elif KSR.sanity.sanity_check(1511, 7) < 0:
            pass  # it has been answered
        elif method == "ACK":
            KSR.tm.t_check_trans()  # tm takes the ACK of an answer of its own
        elif method == "CANCEL":
            self.cancel()
        elif method == "INVITE":
            self.invite()
        elif method in ("BYE", "OPTIONS"):
            KSR.sl.send_reply(200, "OK")
        else:
            KSR.hdr.append_to_reply("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n")
            KSR.sl.send_reply(405, "Method Not Allowed")
        return 1

    def invite(self):
        if KSR.siputils.has_totag() > 0:
            # Within a session, as to refresh it: not another call.
            KSR.sl.send_reply(481, "Call/Transaction Does Not Exist")
            return
        if KSR.tm.t_newtran() <= 0:
            return  # a retransmission, which has been answered, or no memory
        try:
            call = {"id": invite_id(), "callee": number("$rU"), "display_num": shown(number("$fU")),
                    "since": time.monotonic()}
        except UnicodeDecodeError:
            KSR.tm.t_reply(400, "Not UTF-8")
            return
        if not first("to arrive", call["id"]):
            KSR.tm.t_reply(482, "Merged Request")
            return

        # tm's own limit: it must not give up on what is in progress.
        limit = MAX_WAIT * 1000 + timeout_ms() + patience_ms() + LOOK_TIMEOUT_MS + 30000
        KSR.tm.t_set_fr(limit, limit)
        if KSR.tmx.t_suspend() < 0:
            KSR.tm.t_reply(500, "Out of Memory")
            return
        call["transaction"] = KSR.pv.get("$T(id_index)"), KSR.pv.get("$T(id_label)")
        if ASYNC.task_data("place_call", json.dumps(call)) < 0:
            KSR.warn("%s: the queue is full\n" % call["id"])
            reply(busy())

    def cancel(self):
        if KSR.tm.t_check_trans() <= 0:
            KSR.sl.send_reply(481, "Call/Transaction Does Not Exist")
        elif first("to decide", invite_id()):
            KSR.tm.t_relay()  # 200, and 487 for the INVITE
        else:
            KSR.sl.send_reply(200, "Too late to cancel")

    # --- Async workers: these wait ---------------------------------------------------------------------

    def place_call(self, *_):
        call = json.loads(ASYNC.get_data())
        if not first("to decide", call["id"]):
            return 1  # cancelled
        if time.monotonic() - call["since"] > MAX_WAIT:
            self.answer = busy()
        else:
            # In the log before the result: Kamailio does not wait for calls when it is stopped.
            KSR.info("%s: calling %s\n" % (call["id"], call["callee"]))
            self.answer = self.ask(call)
        KSR.info("%s: callee %s: %s\n" % (call["id"], call["callee"], self.answer))
        index, label = call["transaction"]
        if KSR.tmx.t_continue(index, label, "send_answer") < 0:
            KSR.err("%s: there is no transaction for the answer\n" % call["id"])
        return 1

    def ask(self, call):
        """The answer to the INVITE."""
        try:
            return self.send(call)
        except Exception as mistake:  # whatever it is, an INVITE without an answer would be sent elsewhere
            return 603, "Call May Have Been Placed", {"Warning": warning(mistake)}

    def send(self, call):
        others = Others(call["callee"])
        request = {"callee": call["callee"], "display_num": call["display_num"], "account": self.account,
                   "app_id": self.app_id}
        since = time.time()
        try:
            recording_id = self.client.send_sip(**request)
        except itnio.Refused as refused:
            others.done()
            return 403, "Call Refused", {"X-Itnio-Status": refused.status, "Warning": warning(refused)}
        except itnio.Failure as failure:
            if failure.may_have_dialed:
                return self.resolve(request, since, others, failure)
            others.done()
            headers = {"X-Itnio-Result": failure.result, "Warning": warning(failure)}
            if failure.result == itnio.INVALID_ARGUMENT:
                return 400, "Bad Request", headers
            return 503, "Call Not Sent", {"Retry-After": 5, **headers}
        others.own(recording_id)
        others.done()
        return 200, "Call Placed", {"X-Recording-ID": recording_id}

    def resolve(self, request, since, others, failure):
        """The answer for a call in doubt, by the API's records. What they cannot tell stays in doubt."""
        KSR.info("callee %s: in doubt, asking for its record: %s\n" % (request["callee"], failure))
        headers = {"X-Itnio-Result": failure.result}
        try:
            recording_id = self.client.find_call(**request, since=since, patience_ms=patience_ms(),
                                                 timeout_ms=LOOK_TIMEOUT_MS)
        except itnio.Failure as look:
            headers["X-Itnio-Records"], why = look.result, look
        else:
            if others.none() and others.own(recording_id):
                others.done()
                return 200, "Call Placed", {"X-Recording-ID": recording_id}
            why = "the record %s may be that of another call to this number" % recording_id
        return 603, "Call May Have Been Placed", {**headers, "Warning": warning("%s; %s" % (why, failure))}

    def send_answer(self, *_):
        """Called by t_continue, in the INVITE's transaction."""
        try:
            reply(self.answer)
        except Exception as mistake:  # tm would answer 500, on which proxies may try another gateway
            KSR.err("the answer cannot be sent: %r\n" % mistake)
            KSR.tm.t_reply(603, "Call May Have Been Placed")
        return 1


def invite_id():
    """What all copies of an INVITE, and its CANCEL, have in common."""
    return "%s;%s;%s" % (KSR.pv.get("$ci"), KSR.pv.get("$ft"), KSR.pv.get("$cs"))


def first(what, invite):
    """Whether this is the first, of all processes, with this INVITE."""
    return KSR.htable.sht_inc("first", "%s %s" % (what, invite)) == 1


class Others:
    """The calls to one number, of all processes, that are in progress or stay in doubt: a record may be
    that of any of them. Those in doubt are forgotten after a while, see kamailio.cfg."""

    def __init__(self, callee):
        self.key = "calls to " + ascii(callee)
        KSR.htable.sht_inc("first", self.key)

    def none(self):
        return KSR.htable.sht_get("first", self.key) == 1

    def own(self, recording_id):
        """Whether no other process has had this recording ID. It has to be called before done()."""
        return first("to have", recording_id)

    def done(self):
        """This call is no longer in doubt."""
        KSR.htable.sht_dec("first", self.key)


def number(variable):
    """The user of a URI, without its parameters and without the plus sign, which the API does not take."""
    return (KSR.pv.get(variable) or "").partition(";")[0].lstrip("+")


def shown(user):
    return user if re.fullmatch("[0-9]{7,15}", user) else None


def busy():
    return 503, "Call Not Sent", {"Retry-After": 5, "Warning": warning("all calls that may be in progress are")}


def warning(text):
    """A Warning's value. It is short, so that the answer fits into a packet."""
    text = " ".join(str(text)[:200].split())
    return '399 itnio "%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def reply(answer):
    code, reason, headers = answer
    if code == 200:
        headers = {"Contact": "<sip:%s:%s>" % (KSR.pv.get("$Ri"), KSR.pv.get("$Rp")), **headers}
        KSR.textops.set_reply_body(no_media(offer()), "application/sdp")
    for name, value in headers.items():
        KSR.hdr.append_to_reply("%s: %s\r\n" % (name, value))
    KSR.tm.t_reply(code, reason)


def offer():
    try:
        return KSR.pv.get("$rb") or ""
    except UnicodeDecodeError:
        return ""


def no_media(offer):
    """An answer that declines each stream on offer: the call is between the API and the phone."""
    lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=-", "c=IN IP4 0.0.0.0", "t=0 0"]
    lines += [re.sub(r"^(m=\S+) \S+", r"\1 0", line) for line in offer.splitlines() if line.startswith("m=")]
    return "\r\n".join(lines) + "\r\n"
