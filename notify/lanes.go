package notify

import (
	"cmp"
	"slices"
	"time"
)

// lane counts what is under way to one endpoint or one merchant, and how many
// slow failures came last in a row.
type lane struct {
	underWay int
	slow     int
}

// lanes shares the senders out. It belongs to one process and is lost with it:
// the next one learns anew which endpoints are slow, at the price of a few
// tries. Its user holds a lock.
type lanes struct {
	cfg       OutboundConfig
	underWay  int
	slowShare int // under way on behalf of slow endpoints or merchants
	endpoints map[Endpoint]*lane
	merchants map[string]*lane
}

// maxIdleLanes bounds the memory of slow endpoints with nothing under way.
const maxIdleLanes = 10_000

func newLanes(cfg OutboundConfig) *lanes {
	return &lanes{cfg: cfg, endpoints: map[Endpoint]*lane{}, merchants: map[string]*lane{}}
}

// slowness tells whether an endpoint, or its merchant, is slow.
func (l *lanes) slowness(e Endpoint) (endpoint, merchant bool) {
	if s := l.endpoints[e]; s != nil {
		endpoint = s.slow >= l.cfg.SlowTries
	}
	if s := l.merchants[e.Merchant()]; s != nil {
		merchant = s.slow >= l.cfg.SlowMerchantTries
	}
	return endpoint, merchant
}

// room is how many more deliveries an endpoint may have under way.
func (l *lanes) room(e Endpoint) int {
	slowEndpoint, slowMerchant := l.slowness(e)
	perEndpoint, perMerchant := l.cfg.PerEndpoint, l.cfg.PerMerchant
	free := l.cfg.Senders - l.underWay
	if slowEndpoint {
		perEndpoint = 1
	}
	if slowMerchant {
		perMerchant = l.cfg.PerSlowMerchant
	}
	if slowEndpoint || slowMerchant {
		free = min(free, l.cfg.SlowSenders-l.slowShare)
	}
	if s := l.endpoints[e]; s != nil {
		perEndpoint -= s.underWay
	}
	if s := l.merchants[e.Merchant()]; s != nil {
		perMerchant -= s.underWay
	}
	return max(0, min(free, perEndpoint, perMerchant))
}

// grant is room taken for an endpoint. slow is what slowness said then, as the
// share of the slow ones was counted by it.
type grant struct {
	Want
	slow bool
}

// plan says how many events to claim of each due endpoint and takes the room
// for them: healthy ones first, then those that wait longest, none more than
// its even part of what is free. full tells that room was short.
func (l *lanes) plan(due []Due) (grants []grant, full bool) {
	type ranked struct {
		Due
		slow bool
	}
	order := make([]ranked, len(due))
	for i, d := range due {
		endpoint, merchant := l.slowness(d.Endpoint)
		order[i] = ranked{Due: d, slow: endpoint || merchant}
	}
	slices.SortStableFunc(order, func(a, b ranked) int {
		if a.slow != b.slow {
			if b.slow {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	even := max(1, (l.cfg.Senders-l.underWay)/max(1, len(due)))
	for _, d := range order {
		most := min(even, l.room(d.Endpoint))
		if most == 0 {
			full = true
			continue
		}
		g := grant{Want: Want{Endpoint: d.Endpoint, Most: most}, slow: d.slow}
		l.take(g)
		grants = append(grants, g)
	}
	return grants, full
}

func (l *lanes) take(g grant) {
	if g.slow {
		l.slowShare += g.Most
	}
	l.underWay += g.Most
	laneOf(l.endpoints, g.Endpoint).underWay += g.Most
	laneOf(l.merchants, g.Endpoint.Merchant()).underWay += g.Most
}

// giveBack returns n places of a grant.
func (l *lanes) giveBack(g grant, n int) {
	if g.slow {
		l.slowShare -= n
	}
	e, m := g.Endpoint, g.Endpoint.Merchant()
	l.underWay -= n
	laneOf(l.endpoints, e).underWay -= n
	laneOf(l.merchants, m).underWay -= n
	drop(l.endpoints, e)
	drop(l.merchants, m)
}

// learn takes a try's result: success ends slowness, a slow failure adds to it,
// a quick failure costs little and says nothing.
func (l *lanes) learn(e Endpoint, delivered bool, took time.Duration) {
	endpoint, merchant := laneOf(l.endpoints, e), laneOf(l.merchants, e.Merchant())
	switch {
	case delivered:
		endpoint.slow, merchant.slow = 0, 0
	case took >= l.cfg.SlowAfter:
		endpoint.slow++
		merchant.slow++
	}
}

func laneOf[K comparable](m map[K]*lane, k K) *lane {
	s := m[k]
	if s == nil {
		s = &lane{}
		m[k] = s
	}
	return s
}

// drop forgets a lane that says nothing, and an idle slow one where there are
// too many: it will be slow again soon if it still is.
func drop[K comparable](m map[K]*lane, k K) {
	s := m[k]
	if s.underWay == 0 && (s.slow == 0 || len(m) > maxIdleLanes) {
		delete(m, k)
	}
}
