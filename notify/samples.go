package notify

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/paymux/paymux/channels"
)

// sample puts a rejected callback into the bounded queue; a full queue drops
// it. Nothing is written here: whoever forges callbacks must not buy our
// database's time with it.
func (in *Inbound) sample(account channels.Account, header http.Header, body []byte, cause error) {
	if len(in.samples) == cap(in.samples) {
		in.Observe(account.Channel, ResultSampleDropped)
		return
	}
	r := Rejected{
		ID: in.NewID(), Channel: account.Channel, AccountID: account.ID,
		Header: keptHeader(header), Body: append([]byte(nil), body[:min(len(body), in.cfg.SampleBody)]...),
		Reason: reasonOf(cause), ReceivedAt: in.Now().UTC(),
	}
	select {
	case in.samples <- r:
	default:
		in.Observe(account.Channel, ResultSampleDropped)
	}
}

// reasonOf tells an error's kind without its text, which may quote the body.
func reasonOf(cause error) string {
	switch {
	case errors.Is(cause, errPanicked):
		return "adapter panicked"
	case channels.OutcomeOf(cause) == channels.BadSignature:
		return channels.BadSignature.String()
	default:
		return "unreadable"
	}
}

// RunSamples writes the queued samples until ctx ends, at most one batch in
// each SampleEvery, then what is still queued, once.
func (in *Inbound) RunSamples(ctx context.Context) error {
	ticker := time.NewTicker(in.cfg.SampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			in.writeSamples(context.WithoutCancel(ctx))
			return nil
		case <-ticker.C:
			in.writeSamples(ctx)
		}
	}
}

// writeSamples writes one batch of what is queued.
func (in *Inbound) writeSamples(ctx context.Context) {
	batch := make([]Rejected, 0, in.cfg.SampleBatch)
	for len(batch) < in.cfg.SampleBatch {
		select {
		case r := <-in.samples:
			batch = append(batch, r)
			continue
		default:
		}
		break
	}
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, in.cfg.ApplyTimeout)
	defer cancel()
	if err := in.Samples.KeepRejected(ctx, batch, in.cfg.SamplesKept); err != nil {
		for _, r := range batch {
			in.Observe(r.Channel, ResultSampleDropped)
		}
		in.Logger.WarnContext(ctx, "samples of rejected callbacks were not kept", "samples", len(batch), "error", err)
	}
}
