package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// summary writes the table of the README: what a request costs.
func summary(b *strings.Builder, all []*measurement) {
	if len(all[0].services) == 0 {
		return
	}
	fmt.Fprintf(b, "## In short\n\nWhat a request costs a service: processor time of the server, net/http and kernel included.\n\n")
	heading(b, all, "service", []string{"success, µs", "404, µs"}, "what it has")
	for _, s := range services {
		if s.part != "" {
			continue
		}
		fmt.Fprintf(b, "| %s |", s.name)
		for _, m := range all {
			for _, kind := range requestKinds {
				fmt.Fprintf(b, " %.1f |", m.services.low(s.name, kind.name)/1000)
			}
		}
		fmt.Fprintf(b, " %s |\n", s.note)
	}
	fmt.Fprintln(b)
}

// serviceRounds are the samples of all services, by round.
type serviceRounds []serviceSample

// low returns the lower quartile of the time of a request, in nanoseconds. Load on the
// other processor of the machine makes rounds slower and never faster, so that this varies
// less than the median.
func (rounds serviceRounds) low(name, kind string) float64 {
	key := serviceKey(name, kind)
	values := make([]float64, len(rounds))
	for i, sample := range rounds {
		values[i] = sample[key]
	}
	slices.SortFunc(values, cmp.Compare[float64])
	return quantile(values, 0.25)
}

// resamplings is how many times a standard error is made of.
const resamplings = 200

// standardError returns that of a statistic of the rounds, by drawing rounds with
// repetition.
func (rounds serviceRounds) standardError(statistic func(serviceRounds) float64) float64 {
	random := rand.New(rand.NewPCG(1, 2))
	drawn := make(serviceRounds, len(rounds))
	var sum, squares float64
	for range resamplings {
		for i := range drawn {
			drawn[i] = rounds[random.IntN(len(rounds))]
		}
		v := statistic(drawn)
		sum += v
		squares += v * v
	}
	mean := sum / resamplings
	return math.Sqrt(max(0, squares/resamplings-mean*mean))
}

// The bars of a service.
const (
	chainBar = 0.60 // times the peer
	partBar  = 5.0  // percent of raw
)

func serviceTable(b *strings.Builder, all []*measurement) {
	if len(all[0].services) == 0 {
		return
	}
	fmt.Fprintf(b, "## Service\n\nEach service is a process with GOMAXPROCS=%d that serves %d persistent connections of another process. "+
		"Its processor time comes from getrusage: the lower quartile of %d rounds of %d requests, in which the services of both releases are "+
		"measured alternately, ± the standard error of that. Access logs are written to the null device, with a write for each record.\n\n",
		serverProcs, connections, len(all[0].services), serviceRequests)
	for _, kind := range requestKinds {
		fmt.Fprintf(b, "A request that ends in a %s:\n\n", kind.name)
		heading(b, all, "service", []string{"µs", "±", "added to raw, µs", "× raw", "× " + peerService}, "")
		for _, s := range services {
			fmt.Fprintf(b, "| %s |", s.name)
			for _, m := range all {
				m.services.row(b, s.name, kind.name)
			}
			fmt.Fprintln(b)
		}
		fmt.Fprintln(b)
	}
	partTable(b, all)
}

func (rounds serviceRounds) row(b *strings.Builder, name, kind string) {
	ns, raw, peer := rounds.low(name, kind), rounds.low(rawService, kind), rounds.low(peerService, kind)
	spread := rounds.standardError(func(r serviceRounds) float64 { return r.low(name, kind) })
	fmt.Fprintf(b, " %.2f | %.2f | %.2f | %.2f | %.2f |", ns/1000, spread/1000, (ns-raw)/1000, ns/raw, ns/peer)
}

// partTable writes what each part of the chain costs.
func partTable(b *strings.Builder, all []*measurement) {
	fmt.Fprintf(b, "What each part of the chain costs: the chain minus the chain without that part, in percent of raw. The bar for each but the "+
		"access log is %.0f %%, and for the whole chain %.2f × %s.\n\n", partBar, chainBar, peerService)
	var columns []string
	for _, kind := range requestKinds {
		columns = append(columns, kind.name+", %", "±")
	}
	heading(b, all, "part", columns, "")
	for _, s := range services {
		if s.part == "" {
			continue
		}
		fmt.Fprintf(b, "| %s |", s.part)
		for _, m := range all {
			for _, kind := range requestKinds {
				share := func(r serviceRounds) float64 {
					return 100 * (r.low(chainService, kind.name) - r.low(s.name, kind.name)) / r.low(rawService, kind.name)
				}
				fmt.Fprintf(b, " %.1f | %.1f |", share(m.services), m.services.standardError(share))
			}
		}
		fmt.Fprintln(b)
	}
	fmt.Fprintln(b)
}
