package httpapi

import (
	"net/http"

	"github.com/paymux/paymux/channels"
)

// channelList is the answer of /v1/channels. A merchant has a handful of
// accounts: the list is never paged.
type channelList struct {
	Data []ChannelState `json:"data"`
}

func (s *Server) listChannels(r *http.Request) (reply, error) {
	states, err := s.deps.Channels.ChannelStates(r.Context(), MerchantID(r.Context()))
	if err != nil {
		return reply{}, err
	}
	list := channelList{Data: make([]ChannelState, len(states))}
	for i, state := range states {
		if state.Scenes == nil {
			state.Scenes = []channels.Scene{}
		}
		if state.Hours == nil {
			state.Hours = []channels.Hours{}
		}
		if state.Breakers == nil {
			state.Breakers = []BreakerState{}
		}
		list.Data[i] = state
	}
	return reply{status: http.StatusOK, body: list}, nil
}
