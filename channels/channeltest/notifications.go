package channeltest

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/paymux/paymux/channels"
)

func (s *suite) notifications(t *testing.T) {
	t.Run("Replayed", func(t *testing.T) {
		_, m := s.callback(t)
		first, err := s.ch.ParseNotification(m.header, m.body)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.ch.ParseNotification(m.header, m.body)
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Errorf("the same bytes say %+v, then %+v (%v)", first, again, err)
		}
	})
	t.Run("SentAgain", func(t *testing.T) {
		ref, _ := s.callback(t)
		s.Sandbox.NotifyAgain(t, ref.ID)
		s.paidNotice(t, ref, s.notes.next(t, ref.ID))
	})
	t.Run("Duplicate", func(t *testing.T) {
		s.Sandbox.Callbacks(t, map[string]any{"duplicate": 1})
		ref, m := s.callback(t)
		s.paidNotice(t, ref, m)
		s.paidNotice(t, ref, s.notes.next(t, ref.ID))
	})
	t.Run("Forged", func(t *testing.T) {
		s.Sandbox.Callbacks(t, map[string]any{"forge": true})
		ref, first := s.callback(t)
		good, bad := 0, 0
		for _, m := range []message{first, s.notes.next(t, ref.ID)} {
			n, err := s.ch.ParseNotification(m.header, m.body)
			switch {
			case err == nil:
				good++
			case channels.OutcomeOf(err) == channels.BadSignature && reflect.DeepEqual(n, channels.Notification{}):
				bad++
			default:
				t.Errorf("notification %+v, error %v", n, err)
			}
		}
		if good != 1 || bad != 1 {
			t.Errorf("%d accepted, %d refused, want one of each", good, bad)
		}
	})
	t.Run("Tampered", s.tampered)
	t.Run("WithoutHeader", func(t *testing.T) {
		// Where the signature is in the header, nothing is left of it; where it
		// is in the body, the header does not matter.
		_, m := s.callback(t)
		if n, err := s.ch.ParseNotification(nil, m.body); err != nil {
			wantOutcome(t, err, channels.BadSignature)
		} else if want, _ := s.ch.ParseNotification(m.header, m.body); !reflect.DeepEqual(n, want) {
			t.Errorf("another notification without its header: %+v", n)
		}
	})
	t.Run("Garbage", func(t *testing.T) {
		for _, body := range []string{"", "{}", "success", "a=1&b=2", "\x00", "<xml></xml>"} {
			_, err := s.ch.ParseNotification(nil, []byte(body))
			wantOutcome(t, err, channels.BadSignature)
		}
	})
}

// callback is a paid order and its first callback.
func (s *suite) callback(t *testing.T) (channels.AttemptRef, message) {
	t.Helper()
	ref := s.paidOrder(t, orderAmount)
	return ref, s.notes.next(t, ref.ID)
}

func (s *suite) paidNotice(t *testing.T, ref channels.AttemptRef, m message) {
	t.Helper()
	n, err := s.ch.ParseNotification(m.header, m.body)
	if err != nil || n.Kind != channels.NotificationPayment || n.AttemptID != ref.ID || n.Payment.Status != channels.StatePaid {
		t.Errorf("notification %+v, error %v", n, err)
	}
}

// tampered changes the body at many places, one at a time: each change is
// refused, or is only another spelling of the same message.
func (s *suite) tampered(t *testing.T) {
	_, m := s.callback(t)
	genuine, err := s.ch.ParseNotification(m.header, m.body)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	try := func(body []byte) {
		n, err := s.ch.ParseNotification(m.header, body)
		var mismatch *channels.MismatchError
		switch {
		case errors.As(err, &mismatch):
			t.Errorf("a changed message counts as verified: %v", err)
		case err != nil:
			refused++
		case !reflect.DeepEqual(n, genuine):
			t.Errorf("a changed message is accepted: %+v", n)
		}
	}
	step := max(1, len(m.body)/200)
	for i := 0; i < len(m.body); i += step {
		changed := bytes.Clone(m.body)
		changed[i] ^= 1
		try(changed)
		try(append(bytes.Clone(m.body[:i]), m.body[i+1:]...))
	}
	try(append(bytes.Clone(m.body), m.body...))
	if refused == 0 {
		t.Error("nothing was refused")
	}
}
