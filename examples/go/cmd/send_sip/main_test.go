package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"libitnio.org/itnio/internal/sandbox"
)

// The test program is send_sip, too, when it is told to be.
func TestMain(m *testing.M) {
	if os.Getenv("BE_SEND_SIP") == "1" {
		main()
	}
	os.Exit(m.Run())
}

func command(baseURL, caFile string, arguments ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], append([]string{"-account", "1001", "-app-id", "my-app", "-patience", "1s"}, arguments...)...)
	c.Env = append(os.Environ(), "BE_SEND_SIP=1", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
		"ITNIO_API_KEY="+sandbox.Key, "ITNIO_API_SECRET="+sandbox.Secret,
		"ITNIO_BASE_URL="+baseURL, "ITNIO_CA_FILE="+caFile)
	c.Stderr = os.Stderr
	return c
}

// expect fails the test unless the command ends with this status and prints lines that match, in any
// order.
func expect(t *testing.T, status int, output []byte, err error, patterns ...string) {
	t.Helper()
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != status {
		t.Errorf("it ended with %d, not %d", got, status)
	}
	lines := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
	sort.Strings(lines)
	sort.Strings(patterns)
	for i, pattern := range patterns {
		if len(lines) != len(patterns) || !regexp.MustCompile("^"+pattern+"$").MatchString(lines[i]) {
			t.Fatalf("it printed\n%s", output)
		}
	}
}

func TestEachCalleeGetsItsLineAndTheWorstDecidesTheStatus(t *testing.T) {
	gateway := sandbox.Start(t, "--on", "91=drop", "--on", "96=drop,record-delay-ms:600000")
	run := func(status int, callees string, lines ...string) {
		t.Helper()
		output, err := command(gateway.BaseURL, gateway.CAFile, strings.Fields(callees)...).Output()
		expect(t, status, output, err, lines...)
	}
	run(0, "861000000 861000003", `861000000 placed \d{19}`, `861000003 placed \d{19}`)
	run(1, "861000004 861000010", `861000004 placed \d{19}`, `861000010 refused itnio: .* -10: .*balance.*`)
	run(0, "861000091", `861000091 placed \d{19}`) // after all: the records have it
	run(3, "861000005 861000110 861000096", `861000005 placed \d{19}`, `861000110 refused .*`,
		`861000096 unknown .* may have been placed: .*no record of such a call yet\)`)
	for callee, count := range gateway.Diary() {
		if count != 1 {
			t.Errorf("%s was delivered %d times", callee, count)
		}
	}
}

func TestCallThatWasNotSentIsToldApart(t *testing.T) {
	api := httptest.NewServer(http.NotFoundHandler())
	api.Close() // and so nobody listens there
	output, err := command(api.URL+"/voice", "", "861000000").Output()
	expect(t, exitNotSent, output, err, "861000000 not-sent .*")
}

func TestCalleeThatIsThereTwiceIsNotCalledAtAll(t *testing.T) {
	gateway := sandbox.Start(t)
	output, err := command(gateway.BaseURL, gateway.CAFile, "861000000", "861000001", "861000000").Output()
	expect(t, exitUsage, output, err, "")
	if diary := gateway.Diary(); len(diary) != 0 {
		t.Errorf("the gateway saw %v", diary)
	}
}

func TestInterruptLeavesNoCallWithoutItsTrueLine(t *testing.T) {
	arrived := make(chan struct{}, 2)
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		new(bytes.Buffer).ReadFrom(r.Body) // else the server does not notice when the client goes
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer api.Close()
	c := command(api.URL+"/voice", "", "861000000", "861000001")
	var output bytes.Buffer
	c.Stdout = &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2; i++ {
		select {
		case <-arrived:
		case <-time.After(time.Minute):
			c.Process.Kill()
			t.Fatal("the calls have not arrived")
		}
	}
	start := time.Now()
	c.Process.Signal(os.Interrupt)
	err := c.Wait()
	if took := time.Since(start); took > 20*time.Second { // of a timeout of 30
		t.Errorf("it took %v", took)
	}
	expect(t, exitUnknown, output.Bytes(), err, "861000000 unknown .*", "861000001 unknown .*")
}
