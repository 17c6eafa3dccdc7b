/** Questions to the service, and what it answers. */

import type { Problem } from "./types";

const PATIENCE_MS = 20_000;

/** An answer that is none: the service's own words, or why there are none. */
export class NoAnswer extends Error {
  constructor(
    message: string,
    /** HTTP's; 0 if the service was not reached. */
    readonly status: number,
    /** In how many seconds it may be asked again, if it says so. */
    readonly retryAfterS: number | null,
  ) {
    super(message);
  }
}

export type Asked = { readonly signal?: AbortSignal };

/** Ask for JSON. Throws NoAnswer. */
export async function get<T>(path: string, { signal }: Asked = {}): Promise<T> {
  return (await answered(path, { method: "GET" }, signal)).json() as Promise<T>;
}

/** Have something done. Throws NoAnswer. Null if there is nothing to tell. */
export async function send<T>(method: string, path: string, body?: unknown): Promise<T | null> {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const text = body === undefined ? null : JSON.stringify(body);
  const answer = await answered(path, { method, headers, body: text });
  return answer.status === 204 ? null : ((await answer.json()) as T);
}

async function answered(path: string, how: RequestInit, signal?: AbortSignal): Promise<Response> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const until = signal ? AbortSignal.any([signal, patience]) : patience;
  let answer: Response;
  try {
    answer = await fetch(path, { ...how, signal: until, cache: "no-cache" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new NoAnswer("The service cannot be reached.", 0, null);
  }
  noteDate(answer.headers.get("Date"));
  if (answer.ok) return answer;
  const wait = Number(answer.headers.get("Retry-After"));
  throw new NoAnswer(await reason(answer), answer.status, wait > 0 ? wait : null);
}

async function reason(answer: Response): Promise<string> {
  try {
    const problem = (await answer.json()) as Problem;
    return problem.detail || problem.title;
  } catch {
    return `The service answers with HTTP ${answer.status}.`;
  }
}

let noteDate: (date: string | null) => void = () => {};

/** Tell what time each answer says it is. */
export function onDate(note: (date: string | null) => void): void {
  noteDate = note;
}
