package sandbox

import (
	"errors"
	"net/http"
	"time"

	"github.com/paymux/paymux/internal/sandbox/callbacks"
	"github.com/paymux/paymux/internal/sandbox/faults"
)

func (s *Server) getFaults(*http.Request) (int, any, error) {
	return http.StatusOK, map[string]any{"data": s.faults.List()}, nil
}

func (s *Server) postFaults(r *http.Request) (int, any, error) {
	var in struct {
		Channel   string           `json:"channel"`
		Operation faults.Operation `json:"operation"`
		Kind      faults.Kind      `json:"kind"`
		Count     *int             `json:"count"`
		Rate      *float64         `json:"rate"`
		DelayMS   int64            `json:"delay_ms"`
		Effect    faults.Effect    `json:"effect"`
	}
	if err := readJSON(r, &in); err != nil {
		return 0, nil, err
	}
	f := faults.Fault{
		Channel: in.Channel, Operation: in.Operation, Kind: in.Kind, Count: in.Count, Rate: in.Rate, DelayMS: in.DelayMS, Effect: in.Effect,
	}
	if err := s.knownChannel(f.Channel); err != nil {
		return 0, nil, err
	}
	if err := errors.Join(f.Validate()); err != nil {
		return 0, nil, badRequest("%w", err)
	}
	if err := s.canShow(f); err != nil {
		return 0, nil, badRequest("%w", err)
	}
	if f.Kind == faults.RefuseConnection && (f.Count != nil || f.Rate != nil || f.Operation != "") {
		f.Count, f.Rate, f.Operation = nil, nil, ""
		f.Note = "a closed listener sees no calls: it refuses all of them until the fault is deleted"
	}
	set := s.faults.Set(f)
	return http.StatusCreated, set, s.moveGates()
}

// canShow says why no answer of any channel that is meant could show a fault.
func (s *Server) canShow(f faults.Fault) error {
	operations := faults.Operations()
	if f.Operation != "" {
		operations = []faults.Operation{f.Operation}
	}
	var why error
	for _, c := range s.channels {
		if f.Channel != "" && c.Channel() != f.Channel {
			continue
		}
		for _, op := range operations {
			err := c.CanShow(op, f.Kind)
			if err == nil {
				return nil
			}
			why = errors.Join(why, err)
		}
	}
	return why
}

func (s *Server) deleteFaults(r *http.Request) (int, any, error) {
	q := r.URL.Query()
	if err := onlyNames(q, "channel"); err != nil {
		return 0, nil, err
	}
	if err := s.knownChannel(q.Get("channel")); err != nil {
		return 0, nil, err
	}
	s.faults.Clear(q.Get("channel"))
	return http.StatusNoContent, nil, s.moveGates()
}

// moveGates closes and opens the channels' own listeners as the faults want it.
func (s *Server) moveGates() error {
	s.moving.Lock()
	defer s.moving.Unlock()
	var errs []error
	for _, c := range s.channels {
		if s.faults.Refusing(c.Channel()) {
			c.gate.Refuse()
		} else {
			errs = append(errs, c.gate.Accept())
		}
	}
	return errors.Join(errs...)
}

func (s *Server) postNotifications(r *http.Request) (int, any, error) {
	var in struct {
		Channel string `json:"channel"`
		callbacks.Manner
	}
	if err := readJSON(r, &in); err != nil {
		return 0, nil, err
	}
	if err := s.knownChannel(in.Channel); err != nil {
		return 0, nil, err
	}
	if err := in.Validate(); err != nil {
		return 0, nil, badRequest("%w", err)
	}
	for _, c := range s.channels {
		if in.Channel == "" || in.Channel == c.Channel() {
			s.queue.SetManner(c.Channel(), in.Manner)
		}
	}
	return http.StatusOK, in, nil
}

func (s *Server) postClock(r *http.Request) (int, any, error) {
	var in struct {
		Advance string `json:"advance"`
	}
	if err := readJSON(r, &in); err != nil {
		return 0, nil, err
	}
	by := time.Duration(0)
	if in.Advance != "" {
		var err error
		if by, err = time.ParseDuration(in.Advance); err != nil {
			return 0, nil, badRequest(`advance must be a duration such as "26h": %w`, err)
		}
	}
	if err := s.calendar.Advance(by); err != nil {
		return 0, nil, badRequest("%w", err)
	}
	return http.StatusOK, map[string]any{"calendar": moment(s.calendar.Now())}, nil
}
