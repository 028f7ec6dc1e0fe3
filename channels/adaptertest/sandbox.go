package adaptertest

import (
	"context"
	"testing"

	"github.com/paymux/paymux/channels/channeltest"
	"github.com/paymux/paymux/internal/sandbox"
)

// StartSandbox runs a sandbox of the test's own and gives the channel's part of
// it. It ends with the test.
func StartSandbox(t testing.TB, channel string) *channeltest.Sandbox {
	t.Helper()
	server, err := sandbox.New(sandbox.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	// Not the test's context: that ends before the cleanup, in which cases
	// still speak to the sandbox.
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the sandbox ended: %v", err)
		}
	})
	return &channeltest.Sandbox{URL: server.URL(), Channel: channel}
}
