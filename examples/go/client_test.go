package itnio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"libitnio.org/itnio"
	"libitnio.org/itnio/internal/sandbox"
)

// newClient is a client that lasts as long as the test.
func newClient(t testing.TB, config itnio.Config) *itnio.Client {
	t.Helper()
	client, err := itnio.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// forSandbox is a configuration with which the sandbox can be called.
func forSandbox(gateway *sandbox.Gateway) itnio.Config {
	return itnio.Config{
		APIKey:    sandbox.Key,
		APISecret: sandbox.Secret,
		BaseURL:   gateway.BaseURL,
		CAFile:    gateway.CAFile,
		NoProxy:   true,
	}
}

// serve runs an API in this process, for tests that have to know what is in progress.
func serve(t testing.TB, handler http.HandlerFunc) itnio.Config {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return itnio.Config{APIKey: "key", APISecret: "secret", BaseURL: server.URL + "/voice"}
}

// accepted counts the calls that accept has accepted: each has a recording ID of its own.
var accepted atomic.Int64

func accept(w http.ResponseWriter) {
	fmt.Fprintf(w, `{"status":"0","reason":"success","data":"2203%015d"}`, accepted.Add(1))
}

func request(callee string) itnio.Request {
	return itnio.Request{Callee: callee, Account: "1001", AppID: "my-app"}
}

// closedPort is an address on which nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// expectFailure fails the test unless err is a Failure with this result.
func expectFailure(t testing.TB, err error, result itnio.Result) *itnio.Failure {
	t.Helper()
	var failure *itnio.Failure
	if !errors.As(err, &failure) || failure.Result != result {
		t.Fatalf("got %v, not a failure with %q", err, result)
	}
	return failure
}

func TestCallGivesItsRecordingID(t *testing.T) {
	gateway := sandbox.Start(t)
	id, err := newClient(t, forSandbox(gateway)).SendSip(request("8613800138000"))
	if err != nil || len(id) != 19 {
		t.Fatalf("got %q, %v", id, err)
	}
	if diary := gateway.Diary(); diary["8613800138000"] != 1 {
		t.Errorf("the gateway saw %v", diary)
	}
}

func TestRequestHasWhatWasGivenAndNothingElse(t *testing.T) {
	bodies := make(chan map[string]string, 1) // the race detector knows nothing of what goes through C
	client := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		bodies <- body
		accept(w)
	}))
	for _, c := range []struct {
		request  itnio.Request
		expected string
	}{
		{
			itnio.Request{Callee: "1", DisplayNum: "2", Account: "3", AppID: "4", CalledInfo: "5 \u260e"},
			"map[account:3 appId:4 calledInfo:5 \u260e callee:1 displayNum:2]",
		},
		{itnio.Request{Callee: "1", Account: "3", AppID: "4"}, "map[account:3 appId:4 callee:1]"},
	} {
		if _, err := client.SendSip(c.request); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(<-bodies); got != c.expected {
			t.Errorf("got %s, not %s", got, c.expected)
		}
	}
}

func TestRefusalHasItsStatusAndHasNotDialed(t *testing.T) {
	client := newClient(t, forSandbox(sandbox.Start(t)))
	for _, status := range []int{-1, -2, -10, -16, -18, -22, -26} {
		_, err := client.SendSip(request(fmt.Sprintf("86138001380%02d", -status)))
		var refused *itnio.Refused
		if !errors.As(err, &refused) || refused.Status != status || refused.Reason == "" {
			t.Errorf("got %v, not a refusal with %d", err, status)
		}
		if itnio.MayHaveDialed(err) {
			t.Errorf("%v: a refused call has not been placed", err)
		}
	}
}

func TestFailureBeforeTheRequestWasOutHasNotDialed(t *testing.T) {
	gateway := sandbox.Start(t)
	const callee = "8613800138000"
	for name, c := range map[string]struct {
		result itnio.Result
		change func(*itnio.Config)
	}{
		"resolve": {itnio.ResolveFailed, func(c *itnio.Config) { c.BaseURL = "https://itnio.invalid/voice" }},
		"connect": {itnio.ConnectFailed, func(c *itnio.Config) { c.BaseURL = "https://" + closedPort(t) }},
		"tls":     {itnio.TLSFailed, func(c *itnio.Config) { c.CAFile = "" }},
		"proxy": {itnio.ProxyFailed, func(c *itnio.Config) {
			c.Proxy, c.NoProxy = "http://"+closedPort(t), false
		}},
	} {
		t.Run(name, func(t *testing.T) {
			config := forSandbox(gateway)
			c.change(&config)
			_, err := newClient(t, config).SendSip(request(callee))
			if expectFailure(t, err, c.result); itnio.MayHaveDialed(err) {
				t.Errorf("%v: this has not been sent", err)
			}
		})
	}
	if diary := gateway.Diary(); len(diary) != 0 {
		t.Errorf("the gateway saw %v", diary)
	}
}

func TestFailureWithTheRequestOutMayHaveDialed(t *testing.T) {
	gateway := sandbox.Start(t,
		"--on", "91=drop", "--on", "92=http-status:502", "--on", "93=garbage", "--on", "94=delay-ms:60000")
	config := forSandbox(gateway)
	config.Timeout = 5 * time.Second
	client := newClient(t, config)
	expected := map[string]itnio.Result{
		"8613800138091": itnio.ConnectionLost,
		"8613800138092": itnio.HTTPError,
		"8613800138093": itnio.BadResponse,
		"8613800138094": itnio.TimedOut,
	}
	for callee, result := range expected {
		_, err := client.SendSip(request(callee))
		if failure := expectFailure(t, err, result); !failure.MayHaveDialed() || !itnio.MayHaveDialed(err) {
			t.Errorf("%v: this has been sent", err)
		}
	}
	client.Close()
	if diary := gateway.Diary(); len(diary) != len(expected) {
		t.Errorf("the gateway saw %v", diary)
	} else {
		for callee, count := range diary {
			if count != 1 {
				t.Errorf("%s was delivered %d times", callee, count)
			}
		}
	}
}

func TestErrorThatSaysNothingMayHaveDialed(t *testing.T) {
	for _, c := range []struct {
		err      error
		expected bool
	}{
		{nil, true},
		{errors.New("whatever"), true},
		{&itnio.Refused{Status: -10}, false},
		{&itnio.Failure{Result: itnio.ConnectFailed}, false},
		{&itnio.Failure{Result: itnio.InternalError}, true},
		{&itnio.Failure{Result: itnio.NoRecord}, true},
		{&itnio.Failure{Result: itnio.SeveralRecords}, true},
		{&itnio.Failure{Result: itnio.RecordsFailed}, true},
		{&itnio.Failure{Result: 9999}, true}, // of a newer library
		{fmt.Errorf("call 7: %w", &itnio.Failure{Result: itnio.ConnectFailed}), false},
		{fmt.Errorf("call 7: %w", &itnio.Failure{Result: itnio.TimedOut}), true},
	} {
		if got := itnio.MayHaveDialed(c.err); got != c.expected {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestMistakeInAnArgumentNamesTheFieldAndSendsNothing(t *testing.T) {
	expect := func(field string, err error) {
		t.Helper()
		failure := expectFailure(t, err, itnio.InvalidArgument)
		if !strings.HasPrefix(failure.Reason, field+": ") || failure.MayHaveDialed() {
			t.Errorf("got %v, not a mistake in %s", err, field)
		}
	}
	var requests int32
	good := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		atomic.AddInt32(&requests, 1)
		accept(w)
	})

	const nul = "1234567\x0089"
	for field, change := range map[string]func(*itnio.Config){
		"api_key":            func(c *itnio.Config) { c.APIKey = nul },
		"api_secret":         func(c *itnio.Config) { c.APISecret = "" },
		"base_url":           func(c *itnio.Config) { c.BaseURL += nul },
		"ca_file":            func(c *itnio.Config) { c.CAFile = nul },
		"proxy":              func(c *itnio.Config) { c.Proxy, c.NoProxy = "http://127.0.0.1:1", true },
		"connect_timeout_ms": func(c *itnio.Config) { c.ConnectTimeout = -time.Second },
		"timeout_ms":         func(c *itnio.Config) { c.Timeout = 1 << 32 * time.Millisecond },
		"MaxCalls":           func(c *itnio.Config) { c.MaxCalls = -1 },
	} {
		config := good
		change(&config)
		_, err := itnio.NewClient(config)
		expect(field, err)
	}

	client := newClient(t, good)
	for field, change := range map[string]func(*itnio.Request){
		"callee":      func(r *itnio.Request) { r.Callee = nul },
		"display_num": func(r *itnio.Request) { r.DisplayNum = nul },
		"account":     func(r *itnio.Request) { r.Account = "" },
		"app_id":      func(r *itnio.Request) { r.AppID = "\xff" },
		"called_info": func(r *itnio.Request) { r.CalledInfo = nul },
		"timeout_ms":  func(r *itnio.Request) { r.Timeout = -time.Second },
	} {
		r := request("8613800138000")
		change(&r)
		_, err := client.SendSip(r)
		expect(field, err)
	}

	_, err := (&itnio.Client{}).SendSip(request("8613800138000"))
	expect("client", err)
	if n := atomic.LoadInt32(&requests); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestTimeoutBelowAMillisecondIsNotTheDefault(t *testing.T) {
	done := make(chan struct{})
	config := serve(t, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	config.Timeout = time.Nanosecond
	start := time.Now()
	if _, err := newClient(t, config).SendSip(request("8613800138000")); err == nil {
		t.Error("a call without a response was a success")
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestNoProxyGoesBeforeTheEnvironment(t *testing.T) {
	gateway := sandbox.Start(t)
	for _, name := range []string{"https_proxy", "HTTPS_PROXY"} {
		t.Setenv(name, "http://"+closedPort(t))
	}
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		t.Setenv(name, "")
	}
	config := forSandbox(gateway)
	if _, err := newClient(t, config).SendSip(request("8613800138000")); err != nil {
		t.Error(err)
	}
	config.NoProxy = false
	_, err := newClient(t, config).SendSip(request("8613800138000"))
	expectFailure(t, err, itnio.ProxyFailed)
}
