/** The runbook's sections, as they stand in docs/runbook.md. */

/** What to do about one alarm. */
export interface Section {
  alarm: string;
  /** `page` or `ticket`. */
  severity: string;
  /** What the alarm means. */
  meaning: string;
  /** In Markdown, without the heading. */
  text: string;
}

/** The sections in their order. */
export function sectionsOf(page: string): Section[] {
  return page.split(/^### /m).flatMap((part) => {
    const [, alarm = "", text = ""] = /^(\w+)\n+([\s\S]*)$/.exec(part) ?? [];
    const [, severity = "", meaning = ""] = /^\*\*(\w+)\*\*: \*([\s\S]*?)\*/.exec(text) ?? [];
    if (severity === "") return [];
    return [{ alarm, severity, meaning: meaning.replace(/\s+/g, " "), text: text.trim() }];
  });
}

/** The section of an alarm, by its name in the runbook or, for it contains that, by its name in CloudWatch. */
export function sectionFor(sections: readonly Section[], name: string): Section | undefined {
  const named = sections.filter(({ alarm }) => name.toLowerCase().includes(alarm.toLowerCase()));
  // `MassExpirySuspected` contains `MassExpiry`.
  return named.sort((a, b) => b.alarm.length - a.alarm.length)[0];
}

/** Names in angle brackets, which stand for those of a deployment. */
export const PLACEHOLDER = /<([a-z ]+)>/g;
