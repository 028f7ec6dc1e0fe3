package merchant

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/paymux/paymux/channels"
)

// constructLimit bounds one construction; it belongs to no caller, as several
// may wait for it.
const constructLimit = 10 * time.Second

// openChannels keeps the channels in use, at most limit of them, the least
// recently used ones going first. A channel that falls out stays usable for
// whoever holds it.
type openChannels struct {
	limit int

	mu      sync.Mutex
	byID    map[string]*list.Element // of *openChannel
	recent  *list.List               // most recently used first
	pending map[pendingID]*construction
}

type openChannel struct {
	accountID string
	version   int64
	channel   channels.Channel
}

type pendingID struct {
	accountID string
	version   int64
}

// constructor makes a channel and says from which version of the credentials.
type constructor func(context.Context) (channels.Channel, int64, error)

// construction is one making of a channel, shared by all who wait for it.
type construction struct {
	done    chan struct{}
	channel channels.Channel
	err     error
}

func newOpenChannels(limit int) *openChannels {
	return &openChannels{
		limit: limit, byID: make(map[string]*list.Element), recent: list.New(),
		pending: make(map[pendingID]*construction),
	}
}

// get gives the channel of an account made from at least that version of its
// credentials; build makes it and says from which version. However many ask at
// once, one of them makes it. A failure is not remembered.
func (o *openChannels) get(ctx context.Context, accountID string, version int64, build constructor) (channels.Channel, error) {
	o.mu.Lock()
	if e, ok := o.byID[accountID]; ok {
		// Versions only count up: a kept one that is newer comes from a read that
		// overtook the caller's.
		if have := e.Value.(*openChannel); have.version >= version {
			o.recent.MoveToFront(e)
			o.mu.Unlock()
			return have.channel, nil
		}
	}
	id := pendingID{accountID, version}
	c, ok := o.pending[id]
	if !ok {
		c = &construction{done: make(chan struct{})}
		o.pending[id] = c
		go o.construct(context.WithoutCancel(ctx), id, c, build)
	}
	o.mu.Unlock()
	select {
	case <-c.done:
		return c.channel, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// construct runs apart from its callers: the first one's end must not fail the
// others.
func (o *openChannels) construct(ctx context.Context, id pendingID, c *construction, build constructor) {
	ctx, cancel := context.WithTimeout(ctx, constructLimit)
	defer cancel()
	channel, version, err := build(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.pending, id)
	if err == nil {
		channel = o.keep(&openChannel{accountID: id.accountID, version: version, channel: channel})
	}
	c.channel, c.err = channel, err
	close(c.done)
}

// keep takes a channel in, unless one of the same or a later version is kept
// already, and gives the one that is kept.
func (o *openChannels) keep(made *openChannel) channels.Channel {
	if e, ok := o.byID[made.accountID]; ok {
		have := e.Value.(*openChannel)
		o.recent.MoveToFront(e)
		if have.version >= made.version {
			return have.channel
		}
		e.Value = made
		return made.channel
	}
	o.byID[made.accountID] = o.recent.PushFront(made)
	for o.recent.Len() > o.limit {
		last := o.recent.Back()
		o.recent.Remove(last)
		delete(o.byID, last.Value.(*openChannel).accountID)
	}
	return made.channel
}
