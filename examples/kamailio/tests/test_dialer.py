"""dialer.py in Kamailio: SIP traffic from sipp on one side, and the sandbox gateway with its diary on the
other."""

import collections
import pathlib
import socket
import threading
import time
import unittest

from harness import LIMIT, Api, Gateway, Kamailio, Sipp, free_port, wait_until
from scenario import (ACK, CANCEL, HANG_UP, MUST_TRY, OPTIONS, REPEATED_INVITE, TRYING, ack_of_refusal, invite,
                      label, pause, receive)

HERE = pathlib.Path(__file__).resolve().parent


def placed(**options):
    return receive(200, log="[field0] [$X_Recording_ID]", X_Recording_ID="[0-9]{19}", Contact="<sip:127.0.0.1:[0-9]+>",
                   body="m=audio 0 RTP/AVP 0 8.*m=video 0 RTP/AVP 31", **options)


PLACED = placed()
IN_DOUBT = receive(603, X_Itnio_Result="11")


def numbers(count, suffix="00"):
    """Callees that end in `suffix`."""
    return [f"86{number:06d}{suffix}" for number in range(count)]


class DialerTest(unittest.TestCase):
    def gateway(self, *options):
        gateway = Gateway(*options)
        self.addCleanup(gateway.stop)
        return gateway

    def kamailio(self, gateway, *, environment=None, **options):
        kamailio = Kamailio({**gateway.environment(), **(environment or {})}, **options)
        self.addCleanup(kamailio.stop)
        return kamailio

    def sipp(self, kamailio, callees, *scenario, rate=None):
        sipp = Sipp(kamailio.port, callees, *scenario, rate=rate)
        self.addCleanup(sipp.stop)
        return sipp

    def play(self, kamailio, callees, *scenario):
        return self.sipp(kamailio, callees, *scenario).finish()

    def assert_each_once(self, gateway, callees):
        self.assertEqual(gateway.diary(), collections.Counter(callees))


class PlacedTest(DialerTest):
    def check(self, script):
        gateway = self.gateway("--delay-ms", "300")
        kamailio = self.kamailio(gateway, calls=20, **script)
        callees = numbers(100)
        sipp = self.sipp(kamailio, callees, REPEATED_INVITE, placed(lost=40), HANG_UP, rate=20)
        ids = dict(sipp.finish())
        self.assertGreater(sipp.retransmissions("INVITE"), 2 * len(callees))
        self.assertEqual(sorted(ids), callees)
        self.assertEqual(len(set(ids.values())), len(callees))
        workers = {process for process, _, _ in kamailio.outcomes()}
        self.assertGreater(len(workers), 10)
        self.assertNotIn(str(kamailio.process.pid), workers)
        return gateway, callees, ids

    def test_retransmitted_invites_are_one_call_each_and_answered_with_its_recording_id(self):
        gateway, callees, ids = self.check({})
        log = gateway.log.read_text()
        for callee, recording_id in ids.items():
            self.assertIn(f" {callee} status 0, recording ID {recording_id},", log)
        self.assert_each_once(gateway, callees)

    def test_client_that_was_used_before_the_fork_serves_all_workers(self):
        gateway, callees, _ = self.check({"script": HERE / "before_fork.py"})
        self.assert_each_once(gateway, callees + ["8610000000"])

    def test_invite_that_comes_again_late_gets_the_same_answer(self):
        gateway = self.gateway()
        callees = numbers(5)
        # Later than tm keeps transactions by default.
        ids = self.play(self.kamailio(gateway), callees, invite(), TRYING, PLACED, ACK, pause(8000), OPTIONS,
                        invite(), PLACED, HANG_UP)
        self.assertEqual((len(ids), len(set(ids))), (10, 5))
        self.assert_each_once(gateway, callees)

    def test_call_is_to_the_user_of_the_request_and_shows_the_number_of_from(self):
        api = Api()
        self.addCleanup(api.stop)
        kamailio = self.kamailio(api)
        self.play(kamailio, ["8613800138000"], invite(), TRYING, PLACED, HANG_UP)
        self.play(kamailio, ["8613800138001"], invite(user="+[field0];phone-context=x", caller="alice"), TRYING,
                  PLACED, HANG_UP)
        common = {"account": "1001", "appId": "my-app"}
        self.assertEqual(api.calls, [{"callee": "8613800138000", "displayNum": "861065551234", **common},
                                     {"callee": "8613800138001", **common}])

    def test_same_invite_by_another_way_is_the_same_call(self):
        gateway = self.gateway("--delay-ms", "3000")
        callees = numbers(20)
        self.play(self.kamailio(gateway, calls=20), callees, invite(), MUST_TRY, invite("fork"),
                  receive(482, "fork"), ack_of_refusal("fork"), PLACED, HANG_UP)
        self.assert_each_once(gateway, callees)

    def test_invite_within_the_session_is_no_call(self):
        gateway = self.gateway()
        callees = numbers(5)
        self.play(self.kamailio(gateway), callees, invite(), TRYING, PLACED, ACK, invite("again", cseq=2, within=True),
                  receive(481, "again"), ack_of_refusal("again"), HANG_UP)
        self.assert_each_once(gateway, callees)


class DeclinedTest(DialerTest):
    def check(self, suffix, code, *, delivered, options=(), environment=None, headers):
        gateway = self.gateway(*options)
        callees = numbers(5, suffix)
        kamailio = self.kamailio(gateway, calls=len(callees), environment=environment)
        self.play(kamailio, callees, REPEATED_INVITE,
                  receive(code, **headers), ack_of_refusal())
        self.assert_each_once(gateway, callees if delivered else [])

    def test_refusal_is_403_with_the_status_of_the_api(self):
        self.check("10", 403, delivered=True,
                   headers={"X_Itnio_Status": "-10", "Warning": "399 itnio .the customer's balance"})

    def test_what_was_not_sent_is_503_and_may_be_sent_elsewhere(self):
        closed = f"https://127.0.0.1:{free_port(socket.SOCK_STREAM)}/voice"
        self.check("00", 503, delivered=False, environment={"ITNIO_BASE_URL": closed},
                   headers={"X_Itnio_Result": "4", "Retry_After": "5", "Warning": "399 itnio .*127.0.0.1"})

    def test_what_may_have_dialed_is_603_so_that_no_proxy_sends_it_elsewhere(self):
        self.check("91", 603, delivered=True, options=["--on", "91=drop,record-delay-ms:600000"],
                   environment={"ITNIO_PATIENCE_MS": "1000"},
                   headers={"X_Itnio_Result": "11", "X_Itnio_Records": "15",
                            "Warning": "399 itnio .no record of such a call yet; "})

    def test_no_response_in_time_is_603(self):
        self.check("94", 603, delivered=True, options=["--on", "94=delay-ms:60000,record-delay-ms:600000"],
                   environment={"ITNIO_TIMEOUT_MS": "5000", "ITNIO_PATIENCE_MS": "1000"},
                   headers={"X_Itnio_Result": "10", "X_Itnio_Records": "15"})

    def test_records_that_cannot_be_read_leave_the_call_in_doubt(self):
        self.check("00", 603, delivered=True, options=["--http-status", "502"],
                   environment={"ITNIO_PATIENCE_MS": "1000"},
                   headers={"X_Itnio_Result": "12", "X_Itnio_Records": "17"})

    def test_mistake_in_the_script_is_603_too(self):
        gateway = self.gateway()
        kamailio = self.kamailio(gateway, script=HERE / "mistaken.py")
        self.play(kamailio, numbers(5), invite(), TRYING, receive(603), ack_of_refusal())
        self.assertIn("a mistake", kamailio.logged())
        self.assert_each_once(gateway, numbers(5))

    def test_invite_without_a_callee_is_400(self):
        gateway = self.gateway()
        self.play(self.kamailio(gateway), numbers(1), invite(user=";x"), TRYING,
                  receive(400, X_Itnio_Result="2", Warning="399 itnio .callee: empty"), ack_of_refusal())
        self.assert_each_once(gateway, [])

    def test_invite_that_is_not_utf_8_is_400_and_no_call(self):
        gateway = self.gateway()
        kamailio = self.kamailio(gateway)
        self.play(kamailio, numbers(1), invite(user="86100000\udcff0000"), receive(400), ack_of_refusal())
        self.assertNotIn("Unhandled exception", kamailio.logged())
        self.assert_each_once(gateway, [])

    def test_stranger_is_403_and_places_no_call(self):
        gateway = self.gateway()
        kamailio = self.kamailio(gateway, environment={"ITNIO_PEERS": "192.0.2.1 192.0.2.2"})
        self.play(kamailio, numbers(5), invite(), receive(403), ack_of_refusal())
        self.assertEqual(kamailio.outcomes(), [])
        self.assert_each_once(gateway, [])


class DoubtTest(DialerTest):
    """No response to the call, and then the API's records."""

    def check(self, suffix, options=(), environment=None):
        gateway = self.gateway(*options)
        callees = numbers(5, suffix)
        kamailio = self.kamailio(gateway, calls=len(callees), environment=environment)
        ids = dict(self.play(kamailio, callees, REPEATED_INVITE, PLACED, HANG_UP))
        self.assertEqual(sorted(ids), callees)
        self.assertEqual(kamailio.logged().count("in doubt, asking for its record"), len(callees))
        log = gateway.log.read_text()
        for callee, recording_id in ids.items():
            self.assertRegex(log, f"(?m) {callee} .*(record|recording ID) {recording_id}\\b")
        self.assert_each_once(gateway, callees)

    def test_call_that_the_records_have_is_200_with_its_recording_id(self):
        self.check("91")

    def test_record_that_comes_late_is_waited_for(self):
        self.check("92")

    def test_call_without_a_response_in_time_that_the_records_have_is_200(self):
        self.check("94", ["--on", "94=delay-ms:60000"], {"ITNIO_TIMEOUT_MS": "2000"})

    def api(self, **options):
        api = Api(**options)
        self.addCleanup(api.stop)
        return api

    def test_record_of_a_call_that_another_process_has_placed_is_not_this_ones(self):
        api = self.api(accept=lambda turn: turn == 1)
        kamailio = self.kamailio(api, calls=6)
        callees = numbers(6)
        self.play(kamailio, callees, REPEATED_INVITE, PLACED, HANG_UP)
        # In another order, since the processes take turns.
        self.play(kamailio, callees[1:] + callees[:1], invite(), TRYING, IN_DOUBT, ack_of_refusal())
        self.assertIn("may be that of another call", kamailio.logged())
        self.assertEqual(len(api.calls), 12)

    def test_record_of_a_call_in_progress_in_another_process_is_not_this_ones(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        api = self.api(accept=lambda turn: turn == 1, before_response=lambda: go_on.wait(LIMIT))
        kamailio = self.kamailio(api, calls=12)
        callees = numbers(6)
        first = self.sipp(kamailio, callees, REPEATED_INVITE, PLACED, HANG_UP)
        wait_until(lambda: len(api.calls) == 6, "the first calls")
        self.play(kamailio, callees, invite(), TRYING, IN_DOUBT, ack_of_refusal())
        self.assertEqual(kamailio.logged().count("may be that of another call"), 6)
        go_on.set()
        self.assertEqual(len(first.finish()), 6)
        self.assertEqual(len(api.calls), 12)

    def test_record_may_be_that_of_an_earlier_call_that_stayed_in_doubt(self):
        api = self.api(accept=lambda turn: False)
        kamailio = self.kamailio(api, environment={"ITNIO_PATIENCE_MS": "0"})
        callees = numbers(1)
        self.play(kamailio, callees, invite(), TRYING, IN_DOUBT, ack_of_refusal())
        api.add_record("2203031113381000002", *callees)
        self.play(kamailio, callees, invite(), TRYING, IN_DOUBT, ack_of_refusal())
        self.assertIn("2203031113381000002 may be that of another call", kamailio.logged())
        self.assertEqual(len(api.calls), 2)


class WaitingTest(DialerTest):
    def test_cancel_in_the_queue_keeps_the_phone_from_ringing(self):
        gateway = self.gateway("--delay-ms", "60000")
        kamailio = self.kamailio(gateway, calls=1)
        self.sipp(kamailio, ["86111111100"], invite(), TRYING, PLACED, HANG_UP)
        wait_until(lambda: kamailio.begun() == 1, "a call in progress")
        self.play(kamailio, numbers(5), invite(), MUST_TRY, CANCEL, receive(487), ack_of_refusal(),
                  receive(200, "cancel"))
        self.assertEqual(kamailio.begun(), 1)
        kamailio.stop()
        self.assert_each_once(gateway, ["86111111100"])

    def test_cancel_of_a_call_in_progress_gets_its_result(self):
        gateway = self.gateway("--delay-ms", "10000")
        callees = numbers(5)
        ids = self.play(self.kamailio(gateway, calls=5), callees, invite(), MUST_TRY, pause(5000), CANCEL,
                        receive(200, "cancel"), PLACED, HANG_UP)
        self.assertEqual(sorted(callee for callee, _ in ids), callees)
        self.assert_each_once(gateway, callees)

    def test_sip_is_answered_while_all_calls_are_in_progress_for_longer_than_tm_waits(self):
        gateway = self.gateway("--delay-ms", "33000")  # tm's default is 30 s
        kamailio = self.kamailio(gateway, calls=4, environment={"ITNIO_TIMEOUT_MS": "50000"})
        # Neither do retransmissions, and CANCELs that come too late, hold anything up.
        repeated = self.sipp(kamailio, numbers(2, "11"), REPEATED_INVITE, PLACED, HANG_UP)
        cancelled = self.sipp(kamailio, numbers(2), invite(), MUST_TRY, pause(5000), CANCEL,
                              receive(200, "cancel"), PLACED, HANG_UP)
        wait_until(lambda: kamailio.begun() == 4, "four calls in progress")
        time.sleep(6)
        self.play(kamailio, numbers(50), OPTIONS)
        self.assertEqual(kamailio.outcomes(), [], "a call has ended by now: this has shown nothing")
        repeated.finish()
        cancelled.finish()
        self.assert_each_once(gateway, numbers(2) + numbers(2, "11"))

    def test_more_than_there_is_room_for_is_503_at_once_or_after_a_while_and_not_placed(self):
        gateway = self.gateway("--delay-ms", "15000")
        kamailio = self.kamailio(gateway, calls=2)
        callees = numbers(500)
        answers = self.play(
            kamailio, callees, invite(), TRYING,
            receive(200, log="[field0] placed", next_label="placed", X_Recording_ID="[0-9]{19}"),
            receive(503, log="[field0] busy", Retry_After="5", Warning="399 itnio .all calls"), ack_of_refusal(),
            '<nop next="end"/>', label("placed"), HANG_UP, label("end"))
        placed = [callee for callee, answer in answers if answer == "placed"]
        self.assertEqual((len(placed), len(answers)), (2, len(callees)))
        at_once = kamailio.logged().count("the queue is full")
        later = len(kamailio.outcomes()) - len(placed)
        self.assertGreater(at_once, 10)
        self.assertGreater(later, 10)
        self.assertEqual(at_once + later + len(placed), len(callees))
        self.assert_each_once(gateway, placed)


class ConfigurationTest(DialerTest):
    def test_mistake_in_the_configuration_keeps_kamailio_from_starting(self):
        gateway = self.gateway()
        with self.assertRaisesRegex(AssertionError, "(?s)Kamailio ended with .*api_secret: empty"):
            self.kamailio(gateway, environment={"ITNIO_API_SECRET": ""})


if __name__ == "__main__":
    unittest.main()
