/** One more way to connect: GraphQL subscriptions. */

export { type GraphqlSocketFactory, graphqlTransport } from "../transports/graphql.ts";
