//go:build linux

package itnio_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"libitnio.org/itnio"
	"libitnio.org/itnio/internal/heap"
)

func TestNoCMemoryLeaks(t *testing.T) {
	// What glibc keeps in a thread's cache is not what is looked for, and fills up slowly.
	if runsAlone(t, "GLIBC_TUNABLES=glibc.malloc.tcache_count=0") {
		return
	}
	var status atomic.Value
	config := serve(t, func(w http.ResponseWriter, r *http.Request) {
		data := fmt.Sprintf(`"2203%015d"`, accepted.Add(1))
		record := `{"voiceId":` + data + `,"callee":"8613800138002","cost":"0.10","submitTime":"` +
			time.Now().Format(time.RFC3339) + `"}`
		switch r.URL.Path {
		case "/voice/recordSipQuery":
			data = `{"pages":1,"records":[` + record + `]}`
		case "/voice/recordSip/1":
			data = `{"voiceId":"1","callee":"8613800138000","cost":"0.10"}`
		}
		fmt.Fprintf(w, `{"status":"%s","reason":"as told","data":%s}`, status.Load(), data)
	})
	config.CAFile, config.Proxy = "", "http://127.0.0.1:1"
	client := newClient(t, config)
	call := func(expected bool, r itnio.Request) func() {
		return func() {
			if _, err := client.SendSip(r); (err == nil) != expected {
				t.Fatalf("got %v", err)
			}
		}
	}
	since := time.Now()
	find := func(expected bool, r itnio.Request) func() {
		return func() {
			if _, err := client.FindCall(context.Background(), r, since, 0); (err == nil) != expected {
				t.Fatalf("got %v", err)
			}
		}
	}
	look := func(expected bool, id string) func() {
		return func() {
			if _, err := client.Record(context.Background(), id); (err == nil) != expected {
				t.Fatalf("got %v", err)
			}
		}
	}
	full := itnio.Request{Callee: "8613800138000", DisplayNum: "8613800138001", Account: "1001", AppID: "my-app",
		CalledInfo: "a text that goes with the call"}
	// The calls above to the other number are in doubt, and so none of them could be told from this one.
	found := full
	found.Callee = "8613800138002"
	withNUL := full
	withNUL.CalledInfo = "\x00"

	for _, c := range []struct {
		name   string
		status string
		do     func()
	}{
		{"a call", "0", call(true, full)},
		{"a refusal", "-10", call(false, full)},
		{"a response that is not valid", "what", call(false, full)},
		{"an argument that the library refuses", "0", call(false, itnio.Request{Callee: "8613800138000"})},
		{"an argument with a NUL", "0", call(false, withNUL)},
		{"a call that is found", "0", find(true, found)},
		{"a call that is not found", "0", find(false, itnio.Request{Callee: "7", Account: "1001", AppID: "my-app"})},
		{"a record", "0", look(true, "1")},
		{"a record that is refused", "-24", look(false, "1")},
		{"a record of another call", "0", look(false, "2")},
		{"records", "0", func() {
			records, err := client.FindRecords(context.Background(), itnio.RecordQuery{
				Since: since, Until: time.Now().Add(time.Minute), Callee: found.Callee,
			})
			if err != nil || len(records) != 1 {
				t.Fatalf("got %+v, %v", records, err)
			}
		}},
		{"a client", "0", func() {
			client, err := itnio.NewClient(config)
			if err != nil {
				t.Fatal(err)
			}
			client.Close()
		}},
		{"a client that cannot be made", "0", func() {
			config := config
			config.BaseURL = "no URL"
			if _, err := itnio.NewClient(config); err == nil {
				t.Fatal("this is no URL")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// One thread: what other threads keep in their caches is not what is looked for.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			status.Store(c.status)
			repeat := func(times int) {
				for i := 0; i < times; i++ {
					c.do()
				}
			}
			repeat(200)
			const times = 2000
			before := heap.InUse()
			repeat(times)
			// The smallest allocation there is takes 32 bytes.
			if grown := heap.InUse() - before; grown > times*8 {
				t.Errorf("%d times left %d bytes", times, grown)
			} else {
				t.Logf("%d times left %d bytes", times, grown)
			}
		})
	}
}

func TestForgottenClientIsClosed(t *testing.T) {
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	config := serve(t, func(w http.ResponseWriter, _ *http.Request) { accept(w) })
	before := descriptors()
	const clients = 20
	var kept [clients]*itnio.Client
	for i := range kept {
		client, err := itnio.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.SendSip(request("8613800138000")); err != nil {
			t.Fatal(err)
		}
		kept[i] = client
	}
	held := descriptors() - before
	if held < clients {
		t.Fatalf("%d clients hold %d descriptors: this test sees nothing", clients, held)
	}
	// A collection before this would have closed some.
	runtime.KeepAlive(&kept)
	kept = [clients]*itnio.Client{}
	deadline := time.Now().Add(30 * time.Second)
	for descriptors()-before > clients/2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d descriptors are still open", descriptors()-before, held)
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
}
