// A collector that fetches large metric responses and keeps one small string of each line. A substring shares
// its parent's memory, so every kept name pins a whole response.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"plimsoll.example/incidents/gometrics"
)

const linesPerResponse = 400

// MetricsFetcher polls containers and remembers the newest sample of each.
type MetricsFetcher struct {
	latest map[string]string
	rounds int
}

func (f *MetricsFetcher) start(every time.Duration) {
	for range time.Tick(every) {
		begun := time.Now()
		f.fetch()
		gometrics.Observe(time.Since(begun), nil)
	}
}

func (f *MetricsFetcher) fetch() {
	f.rounds++
	f.parseContainerMetricsResponse(response(f.rounds))
}

func (f *MetricsFetcher) parseContainerMetricsResponse(body []byte) {
	text := string(body)
	for _, line := range strings.Split(text, "\n")[:1] {
		name, value, _ := strings.Cut(line, " ")
		f.latest[name] = value // eight bytes that keep the whole text alive
	}
}

// response builds what a container would answer in a round: a new container name, then its metrics.
func response(round int) []byte {
	var body strings.Builder
	fmt.Fprintf(&body, "container-%07d %08d\n", round, round)
	for i := 0; i < linesPerResponse; i++ {
		fmt.Fprintf(&body, "container_memory_working_set_bytes{container=\"c%d\",line=\"%d\"} %d\n", round, i, i*round)
	}
	return []byte(body.String())
}

func main() {
	port := flag.Int("port", 6060, "loopback port")
	every := flag.Duration("every", 20*time.Millisecond, "time between fetches")
	flag.Parse()
	fetcher := &MetricsFetcher{latest: map[string]string{}}
	go fetcher.start(*every)
	http.HandleFunc("/latest", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, len(fetcher.latest)) })
	panic(gometrics.Serve(*port))
}
