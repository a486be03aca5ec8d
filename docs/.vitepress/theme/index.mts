/** VitePress's default theme, with more room for tables and diagrams. */

/// <reference types="vitepress/client" />

import theme from "vitepress/theme";
import "./style.css";

export default theme;
