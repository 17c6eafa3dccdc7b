/** A question that is asked again as long as its answer is shown. */

import { useEffect, useState } from "preact/hooks";
import { get, NoAnswer } from "../api/client";

export type Answer<T> = {
  /** The last one; null before the first. It stays while a later one does not come. */
  readonly answer: T | null;
  /** Why the last question had no answer; empty if it had one. */
  readonly fault: string;
};

/** Ask now, and whenever `again` has changed. */
export function useAnswer<T>(path: string, again: unknown): Answer<T> {
  const [shown, setShown] = useState<Answer<T> & { path: string }>({
    answer: null,
    fault: "",
    path,
  });
  useEffect(() => {
    const ending = new AbortController();
    get<T>(path, { signal: ending.signal })
      .then((answer) => setShown({ answer, fault: "", path }))
      .catch((error: unknown) => {
        if (ending.signal.aborted) return;
        if (!(error instanceof NoAnswer)) throw error;
        setShown((before) => ({ ...before, fault: error.message, path }));
      });
    return () => ending.abort();
  }, [path, again]);
  return shown.path === path ? shown : { answer: null, fault: "" };
}
