// The cost of a cached token in Go, with golang.org/x/oauth2.
//
//	cached-go THREADS SECONDS    prints ns per call: CPU time, and wall-clock time of all threads together
//
// It calls only Token of a ReuseTokenSource, and does not make the header's value.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/oauth2"
)

type tally struct {
	calls, sum uint64
	_          [112]byte
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		panic(err)
	}
	token := &oauth2.Token{AccessToken: "abc", TokenType: "Bearer", Expiry: time.Now().Add(time.Hour)}
	source := oauth2.ReuseTokenSource(token, nil)

	var stop atomic.Bool
	var done sync.WaitGroup
	start := make(chan struct{})
	tallies := make([]tally, count)
	for i := range tallies {
		done.Add(1)
		go func(tally *tally) {
			defer done.Done()
			var calls, sum uint64
			<-start
			for !stop.Load() {
				for i := 0; i < 1000; i++ {
					token, err := source.Token()
					if err != nil {
						panic(err)
					}
					sum += uint64(token.AccessToken[0])
				}
				calls += 1000
			}
			tally.calls, tally.sum = calls, sum
		}(&tallies[i])
	}
	began, cpuBefore := time.Now(), cpu()
	close(start)
	time.Sleep(time.Duration(seconds * 1e9))
	stop.Store(true)
	done.Wait()
	took, cpuTaken := time.Since(began), cpu()-cpuBefore

	var calls uint64
	for i := range tallies {
		calls += tallies[i].calls
	}
	fmt.Printf("%.3f %.3f\n", float64(cpuTaken)/float64(calls), float64(took)/float64(calls))
}

// Returns the CPU nanoseconds of this process.
func cpu() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
