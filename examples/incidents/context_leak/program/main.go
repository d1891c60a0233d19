// A feature store with a write-around cache: reads are answered from the cache, and updates run in the background
// through async.Consume. Since d7b10a27c970 every task makes a cancellable child of Consume's never-ending context
// and nobody cancels it, so the children pile up below their parent for as long as the process lives.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"sync"

	"github.com/grab/async"

	"plimsoll.example/contextleak/gometrics"
)

const (
	workers        = 8
	queueLength    = 4096
	updatesPerRead = 40
	features       = 2048
)

// Store answers features from its cache and lets an updater refresh them.
type Store struct {
	mutex    sync.RWMutex
	cache    map[int]float64
	updates  chan async.Task
	retained int
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
	s.mutex.RLock()
	value := s.cache[key%features]
	s.mutex.RUnlock()
	fmt.Fprintf(w, "%g\n", value)
}

func (s *Store) enqueue(key int) {
	s.updates <- async.NewTask(func(context.Context) (interface{}, error) {
		s.mutex.Lock()
		s.cache[key]++
		s.retained++
		// Under memory pressure every update costs more, as a collector that marks a growing heap does.
		for i := 0; i < s.retained/2000; i++ {
			s.cache[key] += 1e-12
		}
		s.mutex.Unlock()
		return nil, nil
	})
}

func main() {
	port := flag.Int("port", 6060, "loopback port")
	flag.Parse()
	store := newStore()
	http.HandleFunc("/", gometrics.Counted(store.read))
	panic(gometrics.Serve(*port))
}
