package itnio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"libitnio.org/itnio"
	"libitnio.org/itnio/internal/sandbox"
)

// together runs f in n goroutines at once, and waits for them.
func together(n int, f func(i int)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := 0; i < n; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			<-start
			f(i)
		}(i)
	}
	close(start)
	group.Wait()
}

// stuck is an API that answers no call before release is closed.
type stuck struct {
	arrived  chan struct{} // an element for each call that has arrived
	release  chan struct{}
	most     int32 // calls at once
	requests int32 // in all
}

func serveStuck(t testing.TB) (*stuck, itnio.Config) {
	s := &stuck{arrived: make(chan struct{}, 10_000), release: make(chan struct{})}
	var now int32
	return s, serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // else the server does not notice when the client goes
		atomic.AddInt32(&s.requests, 1)
		n := atomic.AddInt32(&now, 1)
		defer atomic.AddInt32(&now, -1)
		for most := atomic.LoadInt32(&s.most); n > most; most = atomic.LoadInt32(&s.most) {
			atomic.CompareAndSwapInt32(&s.most, most, n)
		}
		s.arrived <- struct{}{}
		select {
		case <-s.release:
			accept(w)
		case <-r.Context().Done():
		}
	})
}

func (s *stuck) wait(t testing.TB, calls int) {
	t.Helper()
	for i := 0; i < calls; i++ {
		select {
		case <-s.arrived:
		case <-time.After(time.Minute):
			t.Fatalf("%d calls have arrived, not %d", i, calls)
		}
	}
}

func TestThousandGoroutinesGetTheirOwnAnswersAndDeliverEachCallOnce(t *testing.T) {
	t.Run("taking turns", func(t *testing.T) { testThousandGoroutines(t, 0) })
	t.Run("all in C at once", func(t *testing.T) { testThousandGoroutines(t, 1000) })
}

func testThousandGoroutines(t *testing.T, maxCalls int) {
	gateway := sandbox.Start(t, "--on", "91=drop", "--on", "92=http-status:502", "--on", "93=garbage",
		"--delay-ms", "20")
	config := forSandbox(gateway)
	config.MaxCalls = maxCalls
	config.ConnectTimeout = time.Minute // a thousand handshakes take their time
	config.Timeout = 2 * time.Minute
	client := newClient(t, config)
	const calls = 1000
	var mutex sync.Mutex
	ids := make(map[string]bool)
	together(calls, func(i int) {
		callee := fmt.Sprintf("49%08d", i)
		id, err := client.SendSip(request(callee))
		switch i % 100 {
		case 1, 2, 10, 16, 18, 22, 26:
			var refused *itnio.Refused
			if !errors.As(err, &refused) || refused.Status != -(i%100) {
				t.Errorf("%s: %v", callee, err)
			}
		case 91, 92, 93:
			result := []itnio.Result{itnio.ConnectionLost, itnio.HTTPError, itnio.BadResponse}[i%100-91]
			var failure *itnio.Failure
			if !errors.As(err, &failure) || failure.Result != result {
				t.Errorf("%s: %v", callee, err)
			}
		default:
			if err != nil {
				t.Errorf("%s: %v", callee, err)
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			if ids[id] {
				t.Errorf("%s: the ID %q is another call's", callee, id)
			}
			ids[id] = true
		}
	})
	client.Close()
	diary := gateway.Diary()
	for i := 0; i < calls; i++ {
		callee := fmt.Sprintf("49%08d", i)
		if diary[callee] != 1 {
			t.Errorf("%s was delivered %d times", callee, diary[callee])
		}
	}
}

// runsAlone runs the test in a process of its own, with these variables, and reports whether that is done; there
// it is false.
func runsAlone(t *testing.T, variables ...string) bool {
	t.Helper()
	if os.Getenv("ITNIO_TEST_ALONE") == "1" {
		return false
	}
	alone := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	alone.Env = append(append(os.Environ(), "ITNIO_TEST_ALONE=1"), variables...)
	output, err := alone.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Logf("%s", output)
	return true
}

func TestMaxCallsBoundsCallsAndThreads(t *testing.T) {
	// Threads of tests before this one would serve, and hide how many it needs.
	if runsAlone(t) {
		return
	}
	threads := func() int {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		return len(tasks)
	}
	const most, calls = 8, 300
	api, config := serveStuck(t)
	config.MaxCalls = most
	client := newClient(t, config)

	before := threads()
	go func() {
		api.wait(t, most)
		time.Sleep(200 * time.Millisecond) // for one too many to arrive
		close(api.release)
	}()
	together(calls, func(int) {
		if _, err := client.SendSip(request("8613800138000")); err != nil {
			t.Error(err)
		}
	})
	if n := atomic.LoadInt32(&api.most); n != most {
		t.Errorf("%d calls were in progress at once, not %d", n, most)
	}
	// The runtime starts a few of its own.
	if grown := threads() - before; grown < most-1 || grown > most+8 {
		t.Errorf("%d calls at once made %d threads", most, grown)
	}
}

func TestCloseEndsCallsInProgressEachWithItsTrueError(t *testing.T) {
	api, config := serveStuck(t)
	config.MaxCalls = 20
	client := newClient(t, config)
	go func() {
		api.wait(t, 20)
		client.Close()
	}()
	var lost, notSent int32
	start := time.Now()
	together(50, func(int) {
		_, err := client.SendSip(request("8613800138000"))
		var failure *itnio.Failure
		switch {
		case !errors.As(err, &failure):
			t.Errorf("got %v", err)
		case failure.Result == itnio.ConnectionLost && failure.MayHaveDialed():
			atomic.AddInt32(&lost, 1)
		case failure.Result == itnio.ShutDown && !failure.MayHaveDialed():
			atomic.AddInt32(&notSent, 1)
		default:
			t.Errorf("got %v", err)
		}
	})
	if took := time.Since(start); took > 20*time.Second { // of a timeout of 30
		t.Errorf("it took %v", took)
	}
	if n := atomic.LoadInt32(&api.requests); lost != 20 || notSent != 30 || n != 20 {
		t.Errorf("%d lost, %d not sent, %d requests", lost, notSent, n)
	}
}

func TestCloseMayComeAtAnyTimeAndTwice(t *testing.T) {
	config := serve(t, func(w http.ResponseWriter, _ *http.Request) { accept(w) })
	for round := 0; round < 50; round++ {
		client := newClient(t, config)
		together(20, func(i int) {
			for call := 0; call < 3; call++ {
				if i == round%20 || i == 7 {
					client.Close()
				}
				if _, err := client.SendSip(request("8613800138000")); err != nil {
					var failure *itnio.Failure
					if !errors.As(err, &failure) ||
						failure.Result != itnio.ShutDown && failure.Result != itnio.ConnectionLost {
						t.Errorf("got %v", err)
					}
				}
			}
		})
		_, err := client.SendSip(request("8613800138000"))
		expectFailure(t, err, itnio.ShutDown)
	}
}

func TestContextEndsTheWaitForATurnAndNothingElse(t *testing.T) {
	api, config := serveStuck(t)
	config.MaxCalls = 1
	client := newClient(t, config)

	inProgress, cancelInProgress := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() {
		_, err := client.SendSipContext(inProgress, request("8613800138000"))
		first <- err
	}()
	api.wait(t, 1)

	expect := func(ctx context.Context, cause error) {
		t.Helper()
		_, err := client.SendSipContext(ctx, request("8613800138000"))
		if failure := expectFailure(t, err, itnio.ShutDown); failure.MayHaveDialed() || !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	}
	soon, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	expect(soon, context.DeadlineExceeded)

	cancelInProgress()
	select {
	case err := <-first:
		t.Errorf("a call in progress ended with its context: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(api.release)
	if err := <-first; err != nil {
		t.Errorf("got %v", err)
	}

	// With a free turn, too: a call whose context is done is not placed.
	for i := 0; i < 100; i++ {
		expect(inProgress, context.Canceled)
	}
	// And no turn is lost.
	if _, err := client.SendSip(request("8613800138000")); err != nil {
		t.Error(err)
	}
	if n := atomic.LoadInt32(&api.requests); n != 2 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestGoroutinesFindEachItsOwnCall(t *testing.T) {
	gateway := sandbox.Start(t, "--on", "91=drop")
	client := newClient(t, forSandbox(gateway))
	const calls = 100
	var mutex sync.Mutex
	ids := make(map[string]bool)
	together(calls, func(i int) {
		callee := fmt.Sprintf("49%06d91", i)
		start := time.Now()
		_, err := client.SendSip(request(callee))
		var failure *itnio.Failure
		if !errors.As(err, &failure) || failure.Result != itnio.ConnectionLost {
			t.Errorf("%s: %v", callee, err)
		}
		id, err := findCall(client, callee, start, 20*time.Second)
		if err != nil {
			t.Errorf("%s: %v", callee, err)
			return
		}
		record, err := client.Record(context.Background(), id)
		if err != nil || record.Callee != callee {
			t.Errorf("%s: got %+v, %v", callee, record, err)
		}
		mutex.Lock()
		defer mutex.Unlock()
		if ids[id] {
			t.Errorf("%s: the ID %q is another call's", callee, id)
		}
		ids[id] = true
	})
	client.Close()
	diary := gateway.Diary()
	for i := 0; i < calls; i++ {
		callee := fmt.Sprintf("49%06d91", i)
		if diary[callee] != 1 {
			t.Errorf("%s was delivered %d times", callee, diary[callee])
		}
	}
}

func TestCloseEndsALookInItsPause(t *testing.T) {
	looked := make(chan struct{}, 100)
	client := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"status":"0","data":{"pages":0,"records":[]}}`)
		looked <- struct{}{}
	}))
	go func() {
		for i := 0; i < 3; i++ { // the pause after the third look is one of a second
			<-looked
		}
		client.Close()
	}()
	start := time.Now()
	_, err := findCall(client, "8613800138000", start, time.Hour)
	expectDoubt(t, err, itnio.RecordsFailed)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	_, err = findCall(client, "8613800138000", start, time.Hour)
	expectDoubt(t, err, itnio.RecordsFailed)
	_, err = client.Record(context.Background(), "1")
	expectDoubt(t, err, itnio.ShutDown)
	_, err = client.FindRecords(context.Background(), itnio.RecordQuery{Since: start})
	expectDoubt(t, err, itnio.ShutDown)
}

func TestContextEndsTheWaitForATurnOfALookToo(t *testing.T) {
	api, config := serveStuck(t)
	config.MaxCalls = 1
	client := newClient(t, config)
	first := make(chan error, 1)
	go func() {
		_, err := client.SendSip(request("8613800138000"))
		first <- err
	}()
	api.wait(t, 1)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, findErr := client.FindCall(ctx, request("8613800138000"), time.Now(), 0)
	expectDoubt(t, findErr, itnio.RecordsFailed)
	_, recordErr := client.Record(ctx, "1")
	expectDoubt(t, recordErr, itnio.ShutDown)
	_, recordsErr := client.FindRecords(ctx, itnio.RecordQuery{Since: time.Now()})
	expectDoubt(t, recordsErr, itnio.ShutDown)
	for _, err := range []error{findErr, recordErr, recordsErr} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	close(api.release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if n := atomic.LoadInt32(&api.requests); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
}
