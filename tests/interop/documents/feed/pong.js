// Frontend responds to ping
ws.onmessage = (event) => {
const message = JSON.parse(event.data);
if (message.type === 'ping') {
ws.send(JSON.stringify({ type: 'pong', timestamp: new Date().toISOString() }));
}
};
