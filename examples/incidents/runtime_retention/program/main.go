// A search service that keeps an index and makes much garbage for each query. Nothing leaks. Started with
// GODEBUG=madvdontneed=0 its resident size stays at the highest peak, because the runtime hands pages back with
// MADV_FREE and the kernel leaves them counted until it needs them.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"plimsoll.example/incidents/gometrics"
)

const (
	indexBlocks   = 288
	blockBytes    = 512 << 10
	scratchBlocks = 10
	queryTime     = 120 * time.Millisecond
	giveBackEvery = 2 * time.Second
	gcPercent     = 25
)

var index [][]byte

func buildIndex() {
	for i := 0; i < indexBlocks; i++ {
		block := make([]byte, blockBytes)
		for j := range block {
			block[j] = byte(i + j)
		}
		index = append(index, block)
	}
}

// query scores the index into scratch buffers, which are garbage when it returns.
func query(w http.ResponseWriter, _ *http.Request) {
	scratch := make([][]byte, 0, scratchBlocks)
	for i := 0; i < scratchBlocks; i++ {
		block := make([]byte, blockBytes)
		copy(block, index[i%len(index)])
		scratch = append(scratch, block)
	}
	time.Sleep(queryTime)
	var score int
	for _, block := range scratch {
		score += int(block[len(block)/2])
	}
	fmt.Fprintf(w, "score %d\n", score)
}

func main() {
	port := flag.Int("port", 6060, "loopback port")
	flag.Parse()
	debug.SetGCPercent(gcPercent)
	buildIndex()
	go func() {
		for range time.Tick(giveBackEvery) {
			debug.FreeOSMemory() // what the scavenger does over minutes, in compressed time
		}
	}()
	http.HandleFunc("/", gometrics.Counted(query))
	panic(gometrics.Serve(*port))
}
