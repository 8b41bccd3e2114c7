// Errors of requests to the gateway, as the screens show them.

import type { ArgumentProblem, Problem } from './types';

/** A request that the gateway refused or could not fulfil. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): string {
    return this.problem.code;
  }

  get retryable(): boolean {
    return this.problem.retryable;
  }

  get errors(): ArgumentProblem[] {
    return this.problem.errors ?? [];
  }
}

/** A request that got no answer: the gateway is stopped, or the network is down. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';

  constructor(cause?: unknown) {
    super('The gateway does not answer. Check that it runs and that the network is up; the page tries again by itself.', { cause });
  }
}

/** The error of an answer without success, whatever its body is. */
export async function problemOf(response: Response): Promise<RequestError> {
  const body: unknown = await response.json().catch(() => null);
  return new RequestError(asProblem(body, response.status));
}

function asProblem(body: unknown, status: number): Problem {
  if (typeof body === 'object' && body !== null && 'code' in body && 'detail' in body) {
    return { ...(body as Problem), status };
  }
  return { status, code: 'unexpected_answer', detail: `The gateway answered with the status ${status} and no explanation.`, retryable: false };
}

/** True for an aborted request, which is no failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** A sentence for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
