/** Light or dark mode: follows the system until the user chooses. */

import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { useEffect, useSyncExternalStore } from "react";
import { usePreference } from "./preference";

type Choice = "system" | "light" | "dark";

const systemIsDark = () => window.matchMedia("(prefers-color-scheme: dark)");

export interface Colours {
  dark: boolean;
  choose(dark: boolean): void;
}

export function useColours(): Colours {
  const [choice, setChoice] = usePreference<Choice>("colours", "system");
  const systemDark = useSyncExternalStore(
    (listener) => {
      const query = systemIsDark();
      query.addEventListener("change", listener);
      return () => query.removeEventListener("change", listener);
    },
    () => systemIsDark().matches,
  );
  const dark = choice === "system" ? systemDark : choice === "dark";
  useEffect(() => {
    applyMode(dark ? Mode.Dark : Mode.Light);
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }, [dark]);
  return { dark, choose: (wanted) => setChoice(wanted ? "dark" : "light") };
}
