"""The package, against the sandbox gateway."""

import ctypes
import os
import threading
import time
import unittest

import itnio
from sandbox import CREDENTIALS, Gateway

CALL = {"account": "1001", "app_id": "my-app"}


class ItnioTest(unittest.TestCase):
    def start(self, *options, **config):
        self.gateway = Gateway(*options)
        self.addCleanup(self.gateway.stop)
        config = {"api_key": CREDENTIALS["ITNIO_API_KEY"], "api_secret": CREDENTIALS["ITNIO_API_SECRET"],
                  "base_url": self.gateway.base_url, "ca_file": self.gateway.ca_file, "proxy": "", **config}
        return itnio.Client(**config)

    def test_call_gives_its_recording_id(self):
        client = self.start()
        recording_id = client.send_sip(callee="8613800138000", display_num="8613800138001", called_info="\u260e", **CALL)
        self.assertRegex(recording_id, "^[0-9]{19}$")
        self.assertEqual(self.gateway.diary(), {"8613800138000": 1})

    def test_refusal_has_its_status(self):
        client = self.start()
        with self.assertRaises(itnio.Refused) as caught:
            client.send_sip(callee="8613800138010", **CALL)
        self.assertEqual((caught.exception.status, caught.exception.may_have_dialed), (-10, False))
        self.assertIn("balance", str(caught.exception))

    def test_failure_says_whether_it_may_have_dialed(self):
        client = self.start("--on", "91=drop")
        with self.assertRaises(itnio.Failure) as caught:
            client.send_sip(callee="8613800138091", **CALL)
        self.assertEqual((caught.exception.result, caught.exception.may_have_dialed), (11, True))
        self.gateway.stop()
        with self.assertRaises(itnio.Failure) as caught:
            client.send_sip(callee="8613800138000", **CALL)
        self.assertEqual((caught.exception.result, caught.exception.may_have_dialed), (4, False))

    def doubtful(self, client, callee):
        """Places a call that ends in doubt; gives the arguments with which to look for it."""
        call = {"callee": callee, **CALL, "since": time.time()}
        with self.assertRaises(itnio.Failure) as caught:
            client.send_sip(callee=callee, **CALL)
        self.assertTrue(caught.exception.may_have_dialed)
        return call

    def test_call_in_doubt_that_the_records_have_gives_its_recording_id(self):
        client = self.start()
        call = self.doubtful(client, "8613800138091")
        recording_id = client.find_call(**call, patience_ms=10000)
        record = client.get_record(recording_id)
        self.assertEqual((record.recording_id, record.callee), (recording_id, "8613800138091"))
        self.assertEqual(self.gateway.diary(), {"8613800138091": 1})

    def test_call_in_doubt_whose_record_comes_late_is_waited_for(self):
        client = self.start()
        call = self.doubtful(client, "8613800138092")
        self.assertRegex(client.find_call(**call, patience_ms=20000), "^[0-9]{19}$")

    def test_call_without_a_record_stays_in_doubt(self):
        client = self.start("--on", "91=drop,record-delay-ms:600000")
        call = self.doubtful(client, "8613800138091")
        with self.assertRaisesRegex(itnio.Failure, "no record") as caught:
            client.find_call(**call, patience_ms=500)
        self.assertEqual((caught.exception.result, caught.exception.may_have_dialed), (itnio.NO_RECORD, True))

    def test_call_of_which_there_are_several_stays_in_doubt(self):
        client = self.start()
        call = self.doubtful(client, "8613800138091")
        self.doubtful(client, "8613800138091")
        with self.assertRaisesRegex(itnio.Failure, "[0-9]{19}, [0-9]{19}") as caught:
            client.find_call(**call, patience_ms=0)
        self.assertEqual((caught.exception.result, caught.exception.may_have_dialed), (itnio.SEVERAL_RECORDS, True))

    def test_nothing_that_goes_wrong_with_a_look_says_that_the_call_was_not_placed(self):
        client = self.start("--on", "91=drop")
        call = {**self.doubtful(client, "8613800138091"), "patience_ms": 0}
        for field, value in (("callee", None), ("callee", "8613800138091\0"), ("since", 0), ("patience_ms", -1),
                             ("timeout_ms", 2**32)):
            with self.subTest(field=field, value=value), self.assertRaisesRegex(itnio.Failure, field) as caught:
                client.find_call(**{**call, field: value})
            self.assertEqual((caught.exception.result, caught.exception.may_have_dialed),
                             (itnio.RECORDS_FAILED, True))
        self.gateway.stop()
        with self.assertRaises(itnio.Failure) as caught:
            client.find_call(**call)
        self.assertEqual((caught.exception.result, caught.exception.may_have_dialed), (itnio.RECORDS_FAILED, True))

    def test_records_are_of_the_calls_asked_for_the_newest_first(self):
        client = self.start()
        since = time.time()
        ids = [client.send_sip(callee=callee, display_num="8613800138999", **CALL)
               for callee in ("8613800138004", "8613800138700", "8613800138004")]
        records = client.find_records(since=since)
        self.assertEqual(sorted(record.recording_id for record in records), sorted(ids))
        times = [record.submitted_at for record in records]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual(len(client.find_records(since=since, max_records=1)), 1)
        self.assertEqual(client.find_records(since=since, phone_name="another"), [])
        [busy] = client.find_records(since=since, until=time.time() + 60, callee="8613800138700")
        self.assertEqual((busy.recording_id, busy.termination_code), (ids[1], "486"))
        self.assertEqual((busy.answer_time, busy.answered_at), (None, None))
        answered = client.get_record(ids[0])
        self.assertLess(abs(answered.submitted_at - since), 60)
        self.assertEqual((answered.callee, answered.display_num, answered.phone_name, answered.phone_group,
                          answered.termination_code, answered.call_duration_s),
                         ("8613800138004", "8613800138999", "phone-1001", "sandbox", "200", 45))
        self.assertGreater(answered.answered_at, answered.submitted_at)

    def test_records_that_cannot_be_read_have_their_status(self):
        client = self.start()
        for read, result, status in ((lambda: client.get_record("2203031113381000002"), itnio.REJECTED, -24),
                                     (lambda: client.get_record("1\0"), itnio.INVALID_ARGUMENT, None),
                                     (lambda: client.get_record(None), itnio.INVALID_ARGUMENT, None),
                                     (lambda: client.find_records(since=0), itnio.INVALID_ARGUMENT, None),
                                     (lambda: client.find_records(since=1, callee="\0"), itnio.INVALID_ARGUMENT, None)):
            with self.assertRaises(itnio.RecordsError) as caught:
                read()
            self.assertEqual((caught.exception.result, caught.exception.status), (result, status))
            self.assertTrue(caught.exception.reason)

    def test_call_may_have_a_timeout_of_its_own(self):
        client = self.start("--delay-ms", "60000")
        with self.assertRaises(itnio.Failure) as caught:
            client.send_sip(callee="8613800138000", timeout_ms=500, **CALL)
        self.assertEqual((caught.exception.result, caught.exception.may_have_dialed), (10, True))

    def test_mistake_in_an_argument_names_the_field_and_sends_nothing(self):
        client = self.start()
        good = {"callee": "8613800138000", **CALL}
        for field, value in (("callee", ""), ("callee", None), ("callee", "8613800138000\x001"),
                             ("timeout_ms", -1), ("display_num", "\0"), ("account", "\udcff"), ("app_id", ""), ("called_info", "a\0b")):
            with self.subTest(field=field, value=value), self.assertRaisesRegex(itnio.Failure, f"^{field}: ") as caught:
                client.send_sip(**{**good, field: value})
            self.assertEqual((caught.exception.result, caught.exception.may_have_dialed),
                             (itnio.INVALID_ARGUMENT, False))
        for field, value in (("api_key", "a\0b"), ("api_secret", ""), ("base_url", "nonsense"),
                             ("ca_file", "/nowhere"), ("proxy", "nonsense://")):
            with self.subTest(field=field, value=value), self.assertRaisesRegex(itnio.Failure, f"^{field}: "):
                itnio.Client(**{"api_key": "key", "api_secret": "secret", field: value})
        self.assertEqual(self.gateway.diary(), {})

    def test_threads_run_while_others_call_and_shutdown_ends_their_calls(self):
        client = self.start("--delay-ms", "60000")
        results = []

        def call():
            try:
                client.send_sip(callee="8613800138000", **CALL)
            except itnio.Failure as failure:
                results.append(failure.result)

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        threads[0].join(1)  # it is still in its call
        client.shutdown()
        for thread in threads:
            thread.join(30)  # of a timeout of 30, and a delay of 60
        # 7 for what was not sent yet.
        self.assertEqual([result for result in results if result in (7, 11)], results)
        self.assertEqual(len(results), 8)

    def test_forked_children_use_the_client_on(self):
        client = self.start()
        client.send_sip(callee="8613800000", **CALL)
        children = []
        for number in range(1, 9):
            child = os.fork()
            if child == 0:
                # However it ends, it is not the test program.
                status = 1
                try:
                    for turn in range(5):
                        client.send_sip(callee=f"8613800{number}{turn}00", **CALL)
                    status = 0
                finally:
                    os._exit(status)
            children.append(child)
        for turn in range(5):
            client.send_sip(callee=f"86138009{turn}00", **CALL)
        self.assertEqual([os.waitpid(child, 0)[1] for child in children], [0] * 8)
        diary = self.gateway.diary()
        self.assertEqual((len(diary), sum(diary.values())), (46, 46))

    def test_nothing_leaks(self):
        class Mallinfo2(ctypes.Structure):
            _fields_ = [(name, ctypes.c_size_t) for name in
                        ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
                         "fordblks", "keepcost")]

        mallinfo2 = ctypes.CDLL(None).mallinfo2
        mallinfo2.restype = Mallinfo2
        client = self.start()
        config = {**CREDENTIALS}

        def call(suffix):
            try:
                client.send_sip(callee=f"8613800138{suffix}", **CALL)
            except (itnio.Refused, itnio.Failure):
                pass

        def make():
            itnio.Client(api_key=config["ITNIO_API_KEY"], api_secret=config["ITNIO_API_SECRET"], proxy="",
                         ca_file=self.gateway.ca_file)

        recording_id = client.send_sip(callee="8613800138000", **CALL)

        def fail():
            try:
                client.get_record("unknown")
            except itnio.RecordsError:
                pass

        for name, action in (("record", lambda: client.get_record(recording_id)), ("no record", fail),
                             ("call", lambda: call("000")), ("refusal", lambda: call("010")),
                             ("mistake", lambda: call("\0")), ("client", make)):
            with self.subTest(name):
                times = 1000
                # What glibc's caches keep counts as used until they are full; a leak grows in each round.
                grown = []
                for _ in range(4):
                    before = mallinfo2().uordblks
                    for _ in range(times):
                        action()
                    grown.append(mallinfo2().uordblks - before)
                # The smallest allocation there is takes 32 bytes.
                self.assertLess(min(grown), times * 16, grown)


if __name__ == "__main__":
    unittest.main()
