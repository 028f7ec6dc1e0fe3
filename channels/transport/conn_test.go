package transport

import (
	"errors"
	"net"
	"testing"
)

type fakeConn struct {
	net.Conn
	n   int
	err error
}

func (f *fakeConn) Write(p []byte) (int, error) {
	if f.err != nil {
		return f.n, f.err
	}
	return len(p), nil
}

func TestSealDecidesBetweenWrittenAndNever(t *testing.T) {
	c := &provenConn{Conn: &fakeConn{}}
	c.begin(false)
	if !c.seal() {
		t.Fatal("nothing was written, yet it could not be sealed")
	}
	if n, err := c.Write([]byte("late")); n != 0 || !errors.Is(err, errSealed) {
		t.Fatalf("a sealed connection wrote %d bytes (%v)", n, err)
	}

	c = &provenConn{Conn: &fakeConn{}}
	c.begin(false)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if c.seal() {
		t.Fatal("sealed after a byte was written")
	}
	c.begin(true)
	if !c.seal() {
		t.Fatal("the next request inherits the bytes of the one before")
	}
}

func TestFailedFirstWriteCountsOnlyWhatLeft(t *testing.T) {
	c := &provenConn{Conn: &fakeConn{err: errors.New("broken pipe")}}
	c.begin(true)
	_, _ = c.Write([]byte("x"))
	if !c.seal() {
		t.Error("no byte left, yet it counts as sent")
	}
	c = &provenConn{Conn: &fakeConn{n: 1, err: errors.New("broken pipe")}}
	c.begin(true)
	_, _ = c.Write([]byte("xy"))
	if c.seal() {
		t.Error("one byte left, yet it counts as not sent")
	}
}

func TestSealRacesWithTheWriter(t *testing.T) {
	for range 2000 {
		under := &countingConn{}
		c := &provenConn{Conn: under}
		c.begin(false)
		done := make(chan struct{})
		go func() {
			_, _ = c.Write([]byte("x"))
			close(done)
		}()
		sealed := c.seal()
		<-done
		if sealed && under.n > 0 {
			t.Fatal("a byte left after the connection was sealed")
		}
	}
}

type countingConn struct {
	net.Conn
	n int
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}
