// Command go-app says what instance answers, and since when.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/dustin/go-humanize"
)

func main() {
	started := time.Now()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s from instance %s, started %s\n",
			os.Getenv("GREETING"), os.Getenv("CF_INSTANCE_INDEX"), humanize.Time(started))
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
