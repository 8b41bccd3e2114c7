// Frontend connects with JWT token and agent ID
const wsUrl = `ws://localhost:4000/ws?token=${jwt}&agentId=${agentId}`;
const ws = new WebSocket(wsUrl);
