// Types of the REST interface, as /openapi.json describes them. Members that this page does not use are left out.

export type Role = 'viewer' | 'operator' | 'admin';

/** A page of a list. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** Problem details (RFC 9457) of the gateway. */
export interface Problem {
  type?: string;
  title?: string;
  status: number;
  detail: string;
  code: string;
  retryable: boolean;
  requestId?: string;
  callId?: string;
  errors?: ArgumentProblem[];
  retryAfter?: number;
  toolError?: { code?: string; retryable?: boolean; details?: unknown };
}

/** A mistake in one argument. */
export interface ArgumentProblem {
  path?: string;
  code?: string;
  message: string;
}

/** The signed-in session, from `GET /console/session`. */
export interface Session {
  role: Role;
  organization: string;
  project: string;
  projectId: string;
  credential: { kind: string; id: string; name: string | null };
  userId: string | null;
  agentId: string | null;
  /** The slugs of the environments that the session reaches; null is all. */
  environments: string[] | null;
  /** The environment that a request without one means. */
  environment: { slug: string; kind: 'development' | 'staging' | 'production' | 'other' } | null;
  version: string;
  isDevelopment: boolean;
  isClustered: boolean;
  canReadLog: boolean;
  canReadCluster: boolean;
  expiresAt: string | null;
}

export type HealthStatus = 'healthy' | 'degraded' | 'down';

export interface ToolHealth {
  status: HealthStatus;
  since: string;
  avgLatencyMs?: number | null;
  errorsLastHour?: number | null;
  lastError?: string | null;
}

export interface Tool {
  name: string;
  description: string;
  entity: string;
  entityId: string;
  environment: string;
  environmentId: string;
  online: boolean;
  enabled: boolean;
  fingerprint: string;
  changedAt: string;
  inputSchema: unknown;
  outputSchema: unknown;
  auth: string;
  roles: string[];
  annotations: Record<string, unknown>;
  health: ToolHealth | null;
}

export interface Worker {
  connectionId: string;
  entity: string;
  entityId: string;
  environment: string;
  environmentId: string;
  policy?: 'pool' | 'supersede';
  connectedAt: string;
  heartbeatAgeMs?: number | null;
  callsInFlight: number;
  callsQueued: number;
  address?: string;
  instance?: { id: string; host?: string; pid?: string };
  takeovers: number;
  isDraining?: boolean;
  gateway?: number | null;
  tools?: number;
  health: { reported: number; unwell: (ToolHealth & { tool: string })[] };
}

/** A call of the journal. */
export interface Call {
  callId: string;
  status: 'running' | 'ended';
  tool: string;
  entity: string;
  entityId: string;
  environment: string;
  environmentId: string;
  credential: string;
  role: Role;
  agentId: string | null;
  userId: string | null;
  startedAt: string;
  outcome: string | null;
  totalMs: number | null;
  latencyMs: number | null;
  argumentsBytes: number | null;
  resultBytes: number | null;
}

/** Arguments or a result, as far as the journal has them. */
export interface Kept {
  state: 'kept' | 'redacted' | 'dropped';
  value?: unknown;
}

export interface CallDetail extends Call {
  arguments?: Kept;
  result?: Kept;
}

/** The calls of the last minutes, in intervals. Intervals without a call are left out. */
export interface Activity {
  now: string;
  intervalSeconds: number;
  buckets: ActivityBucket[];
  /** Null where only a part of the calls is counted. */
  callsInFlight: number | null;
  /** The length of an interval of a tool's `series`. */
  toolIntervalSeconds: number;
  tools?: ToolActivity[];
}

export interface ActivityBucket {
  at: string;
  calls: number;
  errors: number;
  p50Ms: number | null;
  p95Ms: number | null;
}

export interface ToolActivity {
  name: string;
  entity: string;
  environment: string;
  calls: number;
  errors: number;
  p50Ms: number | null;
  p95Ms: number | null;
  series?: ActivityBucket[];
}

export interface GatewayMember {
  gateway: number;
  version: string;
  workers: number;
  seenMs: number;
  hasDatabase: boolean;
  stopping: boolean;
}

export interface Installation {
  gateway: number;
  gateways: GatewayMember[];
  workers?: { connectionId: string; entity: string; environment: string; gateway: number; connectedAt: string }[];
}

/** A setting of the gateway with the place that its value comes from. */
export interface Setting {
  name: string;
  section: string;
  /** As a file has it; null of a secret, and of a setting without a value. */
  value: string | null;
  default: string | null;
  source: 'default' | 'file' | 'environment' | 'command_line' | 'program';
  place: string | null;
  description: string;
  isSecret: boolean;
}

export interface Environment {
  id: string;
  slug: string;
  createdAt?: string;
}

export interface Entity {
  id: string;
  slug: string;
  policy: 'pool' | 'supersede';
  createdAt: string;
}

export interface Agent {
  id: string;
  slug: string;
  title?: string | null;
  address?: string | null;
  kind?: string;
  owner?: string | null;
  profile?: Record<string, unknown>;
  createdAt: string;
}
