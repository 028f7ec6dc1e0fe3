package books

import (
	"container/heap"
	"time"
)

// expiry is the moment at which a trade's limit comes or its simulator wants to see it; a later change of the trade leaves old ones behind, which whoever
// pops them compares with the trade.
type expiry struct {
	at  time.Time
	key Key
}

type expiryHeap []expiry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h expiryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for container/heap.
func (h *expiryHeap) Push(x any) { *h = append(*h, x.(expiry)) } //nolint:forcetypeassert // only push calls it

// Pop is for container/heap.
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

func (h *expiryHeap) push(e expiry) { heap.Push(h, e) }

func (h *expiryHeap) pop() expiry { return heap.Pop(h).(expiry) } //nolint:forcetypeassert // it holds nothing else
