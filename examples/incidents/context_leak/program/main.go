// A feature store with a write-around cache: reads are answered from the cache, and updates run in the background
// through async.Consume. Since d7b10a27c970 every task makes a cancellable child of Consume's never-ending context
// and nobody cancels it, so the children pile up below their parent for as long as the process lives.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grab/async"

	"plimsoll.example/contextleak/gometrics"
)

const (
	workers        = 8
	queueLength    = 4096
	updatesPerRead = 40
	features       = 2048
	liveHeap       = "/gc/heap/live:bytes"
	waitPerMiB     = time.Millisecond
)

// Store answers features from its cache and lets an updater refresh them.
type Store struct {
	mutex   sync.RWMutex
	cache   map[int]float64
	updates chan async.Task
	live    atomic.Uint64
}

func newStore() *Store {
	store := &Store{cache: make(map[int]float64, features), updates: make(chan async.Task, queueLength)}
	async.Consume(context.Background(), workers, store.updates)
	return store
}

func (s *Store) read(w http.ResponseWriter, r *http.Request) {
	var key int
	fmt.Sscanf(r.URL.Query().Get("key"), "%d", &key)
	for i := 0; i < updatesPerRead; i++ {
		s.enqueue((key + i) % features)
	}
	// Under memory pressure a request waits, as one does that has to assist the collector of a growing heap.
	time.Sleep(time.Duration(s.live.Load()>>20) * waitPerMiB)
	s.mutex.RLock()
	value := s.cache[key%features]
	s.mutex.RUnlock()
	fmt.Fprintf(w, "%g\n", value)
}

func (s *Store) enqueue(key int) {
	s.updates <- async.NewTask(func(context.Context) (interface{}, error) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.cache[key]++
		return nil, nil
	})
}

func (s *Store) watchHeap() {
	sample := []metrics.Sample{{Name: liveHeap}}
	for range time.Tick(100 * time.Millisecond) {
		metrics.Read(sample)
		s.live.Store(sample[0].Value.Uint64())
	}
}

func main() {
	port := flag.Int("port", 6060, "loopback port")
	flag.Parse()
	store := newStore()
	go store.watchHeap()
	http.HandleFunc("/", gometrics.Counted(store.read))
	panic(gometrics.Serve(*port))
}
