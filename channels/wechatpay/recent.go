package wechatpay

import (
	"crypto/sha256"
	"sync"
)

// maxRecent bounds each of the two generations that are remembered. An account
// that makes 50 calls a second is remembered for more than five minutes, which
// is how long a signature's timestamp holds anyhow.
const maxRecent = 1 << 14

type digest [16]byte

func digestOf(parts ...string) digest {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write([]byte(p)) // a hash never fails to write
		_, _ = h.Write([]byte{0})
	}
	return digest(h.Sum(nil)[:16])
}

// recent remembers to which call an answer belonged. WeChat Pay's signature
// does not cover the question, and many answers name no order: one that was
// sent before, kept by some proxy or an attacker, would hold for another call.
// It is a memory of this process and of bounded size: a help, not a proof.
type recent struct {
	mu         sync.Mutex
	young, old map[digest]digest
}

// belongs tells whether what is owner's, or nobody's so far; then it is
// owner's from now on. The same answer to the same question is welcome.
func (r *recent) belongs(what, owner digest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.young[what]
	if !ok {
		known, ok = r.old[what]
	}
	if ok {
		return known == owner
	}
	if r.young == nil || len(r.young) >= maxRecent {
		r.old, r.young = r.young, make(map[digest]digest)
	}
	r.young[what] = owner
	return true
}
