// Package sandbox runs the sandbox gateway for a test, and reads the diary that it keeps.
package sandbox

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the gateway accepts; the documentation's own example.
const (
	Key    = "bDqJFiq9"
	Secret = "7bz1lzh9"
)

// Gateway is a sandbox gateway in a process of its own.
type Gateway struct {
	BaseURL string
	CAFile  string

	process *os.Process
	ended   chan struct{}  // closed at the end of what it prints
	diary   map[string]int // not to be read before that
}

// Start starts the gateway that ITNIO_GATEWAY names, with these options; it ends with the test.
// Without ITNIO_GATEWAY the test is skipped, or fails where ITNIO_REQUIRE_ALL is 1.
func Start(t testing.TB, options ...string) *Gateway {
	t.Helper()
	program := os.Getenv("ITNIO_GATEWAY")
	if program == "" {
		if os.Getenv("ITNIO_REQUIRE_ALL") == "1" {
			t.Fatal("ITNIO_GATEWAY does not say where the sandbox gateway is")
		}
		t.Skip("ITNIO_GATEWAY does not say where the sandbox gateway is; `make test` does")
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	command := exec.Command(program, append([]string{"--port", "0", "--ca-file", file}, options...)...)
	command.Stderr = os.Stderr
	// Not even a test that panics leaves it behind.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}

	g := &Gateway{process: command.Process, ended: make(chan struct{}), diary: make(map[string]int)}
	ready := make(chan struct{})
	go func() {
		defer close(g.ended)
		g.read(stdout, ready)
	}()
	t.Cleanup(func() {
		g.Diary()
		command.Wait()
	})
	select {
	case <-ready:
	case <-g.ended:
		t.Fatal("the gateway did not start")
	case <-time.After(time.Minute):
		t.Fatal("the gateway does not get ready")
	}
	return g
}

// A line is the time, the callee, and the response.
var entry = regexp.MustCompile(`^\S+Z (\d+) `)

func (g *Gateway) read(stdout io.Reader, ready chan<- struct{}) {
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line := lines.Text()
		if match := entry.FindStringSubmatch(line); match != nil {
			g.diary[match[1]]++
		} else if line == "ready" {
			close(ready)
		} else if url := strings.TrimPrefix(line, "base_url="); url != line {
			g.BaseURL = url
		} else if file := strings.TrimPrefix(line, "ca_file="); file != line {
			g.CAFile = file
		}
	}
}

// Diary ends the gateway, and says how often each callee was delivered to it.
func (g *Gateway) Diary() map[string]int {
	g.process.Signal(syscall.SIGTERM)
	<-g.ended
	return g.diary
}
