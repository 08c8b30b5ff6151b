/** What leases are taken out on: by their names, gateways that share a store know of each other. */

/** Who plans for the group. */
export const plannerLease = "planner";

/** Before the name of a process, which no other ever has: that it carries runs out. */
export const ownerPrefix = "owner/";
