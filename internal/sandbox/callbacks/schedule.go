package callbacks

import (
	"container/heap"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
)

type job struct {
	at time.Time
	cb books.Callback
}

// schedule orders jobs by the time at which they are due.
type schedule []job

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push is for container/heap.
func (s *schedule) Push(x any) { *s = append(*s, x.(job)) } //nolint:forcetypeassert // only add calls it

// Pop is for container/heap.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}

func (s *schedule) add(j job) { heap.Push(s, j) }

func (s *schedule) next() job { return heap.Pop(s).(job) } //nolint:forcetypeassert // it holds nothing else
