package itnio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"libitnio.org/itnio"
)

func Example() {
	client, err := itnio.NewClient(itnio.Config{
		APIKey:    os.Getenv("ITNIO_API_KEY"),
		APISecret: os.Getenv("ITNIO_API_SECRET"),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	request := itnio.Request{Callee: "4915112345678", Account: "1001", AppID: "my-app"}
	before := time.Now()
	id, err := client.SendSip(request)
	if err != nil && itnio.MayHaveDialed(err) {
		// It never places a call.
		id, err = client.FindCall(context.Background(), request, before, 10*time.Second)
	}
	var refused *itnio.Refused
	switch {
	case err == nil:
		fmt.Println("placed, recording", id)
	case errors.As(err, &refused):
		fmt.Println("refused with status", refused.Status)
	case itnio.MayHaveDialed(err):
		fmt.Println("look before you redial:", err)
	default:
		fmt.Println("not sent, safe to try again:", err)
	}
}
