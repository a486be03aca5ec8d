/** Whether tests play all of what they otherwise take a sample of: `npm run test:exhaustive`. */

export const EXHAUSTIVE = process.env.EXHAUSTIVE !== undefined;
