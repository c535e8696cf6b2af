package probe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	gorilla "github.com/gorilla/websocket"
)

// exec runs "pilot-agent request GET <path>" as the agent does, over the WebSocket protocol of
// kubectl exec: each message begins with its channel.
func (c *cluster) exec(w http.ResponseWriter, r *http.Request) {
	up := gorilla.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close() //nolint:errcheck // a test
	parts := strings.Split(r.URL.Path, "/")
	command := r.URL.Query()["command"]
	answer := httptest.NewRecorder()
	c.envoys[parts[4]+"/"+parts[6]].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/"+command[len(command)-1], nil))
	const stdout, stderr, failure = 1, 2, 3
	result := `{"status":"Success"}`
	if code := answer.Code; code > 399 && code != 404 {
		send(ws, stderr, fmt.Sprintf("Error: received unsuccessful status code %d: %s", code, answer.Body))
		text, _ := json.Marshal(object{
			"status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with exit code 1",
			"details": object{"causes": []any{object{"reason": "ExitCode", "message": "1"}}},
		})
		result = string(text)
	} else {
		send(ws, stdout, answer.Body.String()+"\n")
	}
	send(ws, failure, result)
	bye := gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, "")
	ws.WriteMessage(gorilla.CloseMessage, bye) //nolint:errcheck // a test
	ws.ReadMessage()                           //nolint:errcheck // waits for the client's own close
}

func send(ws *gorilla.Conn, channel byte, text string) {
	ws.WriteMessage(gorilla.BinaryMessage, append([]byte{channel}, text...)) //nolint:errcheck // a test
}
