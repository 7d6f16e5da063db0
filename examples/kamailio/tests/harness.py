"""What the tests run besides the sandbox gateway: Kamailio and sipp, on loopback and in directories for the
occasion. Nothing of it outlives the test."""

import http.server
import json
import pathlib
import re
import socket
import threading
import time

from sandbox import CREDENTIALS, LIMIT, Gateway, Process, wait_until
from scenario import xml

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = EXAMPLE.parent / "python" / "src"


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Api:
    """An API in this process, which keeps what it was asked for, and has records of the calls that it accepts:
    all, or those for which `accept` is true, given that it is the first to its callee, the second and so on.
    The others get no response."""

    def __init__(self, accept=lambda turn: True, before_response=lambda: None):
        self.calls = calls = []
        self.records = records = []
        lock = threading.Lock()
        add_record = self.add_record

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                data = self.page() if self.path.endswith("/recordSipQuery") else self.place(request)
                if data is None:
                    return
                response = json.dumps({"status": "0", "reason": "success", "data": data}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(response)))
                self.end_headers()
                self.wfile.write(response)

            def page(self):
                # Submitted now: within the time of any call in doubt, however slow the test is.
                now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
                found = [{**record, "submitTime": now} for record in records]
                return {"total": len(found), "size": 100, "current": 1, "pages": 1, "records": found}

            def place(self, call):
                with lock:
                    calls.append(call)
                    recording_id = "2203%015d" % len(calls)
                    if not accept([one["callee"] for one in calls].count(call["callee"])):
                        return None
                    add_record(recording_id, call["callee"])
                before_response()
                return recording_id

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add_record(self, recording_id, callee):
        self.records.append({"voiceId": recording_id, "callee": callee})

    def environment(self):
        return {**CREDENTIALS, "ITNIO_BASE_URL": f"http://127.0.0.1:{self.server.server_port}/voice"}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Kamailio(Process):
    """Kamailio with the example's configuration, ready for SIP."""

    def __init__(self, environment, calls=4, script=EXAMPLE / "dialer.py"):
        self.port = free_port(socket.SOCK_DGRAM)
        super().__init__(
            ["kamailio", "-DD", "-E", "-f", EXAMPLE / "kamailio.cfg", "-A", f"LISTEN=udp:127.0.0.1:{self.port}",
             "-A", f'SCRIPT="{script}"', "-A", f"CALLS={calls}", "-Y", "DIRECTORY", "-w", "DIRECTORY",
             "-P", "DIRECTORY/pid", "-m", "64", "-M", "8"],
            {"ITNIO_ACCOUNT": "1001", "ITNIO_APP_ID": "my-app", "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1",
             "PYTHONPATH": f"{EXAMPLE}:{PACKAGE}", "PYTHONDONTWRITEBYTECODE": "1", **environment})
        wait_until(self.answers, "Kamailio")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Kamailio ended with {self.process.returncode}:\n{self.stop()}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(0.2)
            phone.connect(("127.0.0.1", self.port))
            here = "127.0.0.1:%d" % phone.getsockname()[1]
            try:
                phone.send((f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKready\r\n"
                            f"Max-Forwards: 70\r\nFrom: <sip:{here}>;tag=1\r\nTo: <sip:127.0.0.1>\r\n"
                            f"Call-ID: ready\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n").encode())
                return phone.recv(4096).startswith(b"SIP/2.0 ")
            except OSError:
                return False

    def begun(self):
        """How many calls have been begun so far."""
        return len(re.findall(r": calling \d", self.logged()))

    def outcomes(self):
        """Process ID, callee and answer of each call so far."""
        return re.findall(r"^ *\d+\((\d+)\) .*callee (\d*): \((\d+), ", self.logged(), re.M)


class Sipp(Process):
    """sipp, playing a scenario once for each callee, all at once or so many each second."""

    def __init__(self, port, callees, *scenario, rate=None):
        super().__init__(["sipp", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-nostdin",
                          "-sf", "DIRECTORY/scenario.xml", "-inf", "DIRECTORY/callees.csv",
                          "-m", len(callees), "-l", len(callees), "-r", rate or len(callees), "-max_invite_retrans", 20,
                          "-timeout", LIMIT - 10, "-timeout_error", "-trace_err", "-error_file", "DIRECTORY/errors",
                          "-trace_logs", "-log_file", "DIRECTORY/logs"],
                         files={"scenario.xml": xml(*scenario),
                                "callees.csv": "SEQUENTIAL\n" + "".join(f"{callee};\n" for callee in callees)})

    def finish(self):
        """Waits for the end. Gives what the scenario has logged, as pairs of words; an error where a call
        did not go as the scenario says."""
        try:
            status = self.process.wait(LIMIT)
            errors = self.directory / "errors"
            logs = self.directory / "logs"
            self.screens = self.logged()
            if status != 0:
                raise AssertionError(f"sipp ended with {status}:\n"
                                     f"{errors.read_text() if errors.exists() else self.screens}")
            return [tuple(line.split()) for line in logs.read_text().splitlines()] if logs.exists() else []
        finally:
            self.stop()

    def retransmissions(self, method):
        """How often this had to be sent again, by its last screen; after finish()."""
        return sum(int(count) for count in
                   re.findall(rf"^ *{method} -+> +\d+ +(\d+)", self.screens.rpartition("Retrans")[2], re.M))
