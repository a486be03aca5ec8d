/** The rows of the fleet table and their filter options. */

import { useMemo } from "react";
import { useFleet, useStore } from "./context";
import { filterOptions, filterProperties } from "./filter";
import { metadataNames, type Row, rowOf } from "./row";

export function useRows() {
  const { agents, histories } = useFleet();
  const { now } = useStore();
  const names = metadataNames(agents).join("\n");
  const metadata = useMemo(() => names.split("\n"), [names]);
  const rows = useMemo<Row[]>(() => {
    const at = now();
    return agents.map((agent) => rowOf(agent, histories.get(agent.agentId), at));
  }, [agents, histories, now]);
  const properties = useMemo(() => filterProperties(metadata), [metadata]);
  const options = useMemo(() => filterOptions(rows, properties), [rows, properties]);
  return { rows, metadata, properties, options };
}
