/** Before the first test of either project. */

const { openRunFolder } = require("./run-folder");

module.exports = async () => openRunFolder();
