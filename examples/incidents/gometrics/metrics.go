// Package gometrics serves a program's requests, latency and release in the Prometheus text format,
// beside the profiles of net/http/pprof.
package gometrics

import (
	"fmt"
	"net/http"
	_ "net/http/pprof" // registers /debug/pprof
	"sync"
	"time"
)

var buckets = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5}

var (
	mutex    sync.Mutex
	counts   = make([]uint64, len(buckets)+1)
	requests uint64
	failures uint64
	seconds  float64
)

// Counted wraps a handler so that its requests and their durations are counted.
func Counted(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		handle(w, r)
		Observe(time.Since(begun), nil)
	}
}

// Observe counts one piece of work that took this long and ended with err.
func Observe(took time.Duration, err error) {
	mutex.Lock()
	defer mutex.Unlock()
	requests++
	if err != nil {
		failures++
	}
	seconds += took.Seconds()
	for i, bound := range buckets {
		if took.Seconds() <= bound {
			counts[i]++
			return
		}
	}
	counts[len(buckets)]++
}

// Serve answers /metrics and /debug/pprof on the loopback port until the process ends.
func Serve(port int) error {
	http.HandleFunc("/metrics", write)
	return http.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", port), nil)
}

func write(w http.ResponseWriter, _ *http.Request) {
	mutex.Lock()
	defer mutex.Unlock()
	fmt.Fprintf(w, "# TYPE http_requests_total counter\nhttp_requests_total %d\n", requests)
	fmt.Fprintf(w, "# TYPE http_errors_total counter\nhttp_errors_total %d\n", failures)
	fmt.Fprint(w, "# TYPE http_request_duration_seconds histogram\n")
	var below uint64
	for i, bound := range buckets {
		below += counts[i]
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"%g\"} %d\n", bound, below)
	}
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\"} %d\n", requests)
	fmt.Fprintf(w, "http_request_duration_seconds_sum %g\nhttp_request_duration_seconds_count %d\n", seconds, requests)
}
