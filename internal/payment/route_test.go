package payment

import (
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// A refusal names what left no candidate. Accounts that the merchant's rule does
// not name are none: above the limits of those that it names is above the limits.
func TestUnroutable_NamesWhatLeftNoCandidate(t *testing.T) {
	amount, err := money.New(100, money.CNY)
	if err != nil {
		t.Fatal(err)
	}
	p := &Payment{Amount: amount, Scene: channels.SceneQR}
	for _, c := range []struct {
		rejections []channels.Rejection
		want       Code
	}{
		{nil, CodeSceneUnsupported},
		{[]channels.Rejection{channels.RejectedChannel, channels.RejectedScene}, CodeSceneUnsupported},
		{[]channels.Rejection{channels.RejectedScene, channels.RejectedCurrency}, CodeCurrency},
		{[]channels.Rejection{channels.RejectedAmount, channels.RejectedAmount}, CodeAmountOutOfRange},
		{[]channels.Rejection{channels.RejectedAmount, channels.RejectedRule}, CodeAmountOutOfRange},
		{[]channels.Rejection{channels.RejectedAmount, channels.RejectedBreaker}, CodeNoChannel},
		{[]channels.Rejection{channels.RejectedBreaker, channels.RejectedRule}, CodeNoChannel},
		{[]channels.Rejection{channels.RejectedRule}, CodeNoChannel},
		{[]channels.Rejection{channels.RejectedRefused, channels.RejectedAmount}, CodeNoChannel},
		{[]channels.Rejection{channels.RejectedWindow}, CodeNoChannel},
	} {
		var d channels.Decision
		for _, r := range c.rejections {
			d.Candidates = append(d.Candidates, channels.Candidate{Rejection: r})
		}
		if got := unroutable(d, p).Code; got != c.want {
			t.Errorf("%v: %s, want %s", c.rejections, got, c.want)
		}
	}
}
